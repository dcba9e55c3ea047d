"""What Route 53 asks before it answers with a site."""

from dataclasses import dataclass

from cdktn_provider_aws.route53_health_check import Route53HealthCheck
from constructs import Construct

from payment_dr.infra.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteHealthProps:
    """The place that is probed, under its own name."""

    place: Place


class SiteHealth(Construct):
    """Probes of a site's `/health`, which answers 200 only when the site can take payments.

    The status alone is judged: a body would have to be agreed upon twice. Probes come from all of
    Route 53's regions, so that the loss of one site's region takes no majority of them along.

    Attributes:
        health_check_id: of the endpoint's check.
    """

    def __init__(self, scope: Construct, construct_id: str, props: SiteHealthProps) -> None:
        super().__init__(scope, construct_id)
        settings, site = props.place.settings, props.place.site
        check = Route53HealthCheck(
            self,
            "endpoint",
            type="HTTPS",
            fqdn=settings.domain(site.name),
            port=443,
            resource_path="/health",
            enable_sni=True,
            # Interval and latency are fixed when the check is made; a change replaces it.
            request_interval=int(settings.probes.interval_s),
            measure_latency=True,
            failure_threshold=settings.probes.threshold,
            tags={"Name": props.place.name("health")},
        )
        self.health_check_id: str = check.id


@dataclass(frozen=True, kw_only=True, slots=True)
class HomeHealthProps:
    """The place, the check of its endpoint, and the check of the switch to leave it."""

    place: Place
    endpoint_id: str
    not_raised_id: str


class HomeHealth(Construct):
    """Healthy while the endpoint is and the takeover switch is not raised.

    Attributes:
        health_check_id: of the calculated check.
    """

    def __init__(self, scope: Construct, construct_id: str, props: HomeHealthProps) -> None:
        super().__init__(scope, construct_id)
        children = [props.endpoint_id, props.not_raised_id]
        check = Route53HealthCheck(
            self,
            "calculated",
            type="CALCULATED",
            child_healthchecks=children,
            child_health_threshold=len(children),
            tags={"Name": props.place.name("answers")},
        )
        self.health_check_id: str = check.id
