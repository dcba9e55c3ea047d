"""API Gateway's custom domain names, and the records of the sites' own names.

Each region answers to the name that clients resolve and to the site's own, so that a move needs no
change here. A site's own name is an alias of its region's domain and never changes.
"""

from dataclasses import dataclass

from cdktn_provider_aws.apigatewayv2_domain_name import (
    Apigatewayv2DomainName,
    Apigatewayv2DomainNameDomainNameConfiguration,
)
from cdktn_provider_aws.route53_record import Route53Record, Route53RecordAlias
from constructs import Construct

from payment_dr.infra.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteDomainsProps:
    """A place, the zone of its names and its region's validated certificate."""

    place: Place
    zone_id: str
    certificate_arn: str


class SiteDomains(Construct):
    """One region's two domain names; the site maps its API to both by name."""

    def __init__(self, scope: Construct, construct_id: str, props: SiteDomainsProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        settings, site = props.place.settings, props.place.site
        self._domain("clients", settings.dns.name)
        own = self._domain("own", settings.domain(site.name))
        configuration = own.domain_name_configuration
        Route53Record(
            self,
            "record",
            zone_id=props.zone_id,
            name=settings.domain(site.name),
            type="A",
            alias=Route53RecordAlias(
                name=configuration.target_domain_name,
                zone_id=configuration.hosted_zone_id,
                # It would follow API Gateway, not the site: `/health` is asked for that.
                evaluate_target_health=False,
            ),
        )

    def _domain(self, construct_id: str, name: str) -> Apigatewayv2DomainName:
        return Apigatewayv2DomainName(
            self,
            construct_id,
            domain_name=name,
            domain_name_configuration=Apigatewayv2DomainNameDomainNameConfiguration(
                certificate_arn=self._props.certificate_arn,
                endpoint_type="REGIONAL",
                security_policy="TLS_1_2",
            ),
            region=self._props.place.site.region,
        )
