"""A certificate in each region for the name that clients resolve and for both sites' own names.

Each region's certificate bears all three names, so that it serves whatever leads to the region.
ACM asks for one record per name and account: those of the home's certificate prove the peer's too.
"""

from dataclasses import dataclass

from cdktn import TerraformResourceLifecycle
from cdktn_provider_aws.acm_certificate import AcmCertificate
from cdktn_provider_aws.acm_certificate_validation import AcmCertificateValidation
from cdktn_provider_aws.route53_record import Route53Record
from constructs import Construct

from payment_dr.infra.place import Place

_TTL_S = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificatesProps:
    """Both places, and the zone in which names are proven."""

    home: Place
    peer: Place
    zone_id: str


class Certificates(Construct):
    """Certificates validated by DNS, which ACM renews by itself while the records stay.

    Attributes:
        home_arn: of the validated certificate in home's region.
        peer_arn: of the one in the other region.
    """

    def __init__(self, scope: Construct, construct_id: str, props: CertificatesProps) -> None:
        super().__init__(scope, construct_id)
        self._zone_id = props.zone_id
        settings = props.home.settings
        self._names = (settings.dns.name, *(settings.domain(s.name) for s in settings.sites))
        at_home, at_peer = self._certificate(props.home), self._certificate(props.peer)
        proofs = [self._proof(at_home, name) for name in self._names]
        self.home_arn: str = self._validated(props.home, at_home, proofs)
        self.peer_arn: str = self._validated(props.peer, at_peer, proofs)

    def _certificate(self, place: Place) -> AcmCertificate:
        first, *others = self._names
        return AcmCertificate(
            self,
            place.site.name,
            domain_name=first,
            subject_alternative_names=others,
            validation_method="DNS",
            key_algorithm="RSA_2048",
            region=place.site.region,
            # A name's certificate is replaced under way: the domain must never be without one.
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )

    def _proof(self, certificate: AcmCertificate, name: str) -> Route53Record:
        def option(attribute: str) -> str:
            options = f"{certificate.fqn}.domain_validation_options"
            return f'${{one([for o in {options} : o.{attribute} if o.domain_name == "{name}"])}}'

        return Route53Record(
            self,
            f"proof-{name}",
            zone_id=self._zone_id,
            name=option("resource_record_name"),
            type=option("resource_record_type"),
            records=[option("resource_record_value")],
            ttl=_TTL_S,
        )

    def _validated(
        self, place: Place, certificate: AcmCertificate, proofs: list[Route53Record]
    ) -> str:
        validation = AcmCertificateValidation(
            self,
            f"validated-{place.site.name}",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[proof.fqdn for proof in proofs],
            region=place.site.region,
        )
        arn: str = validation.certificate_arn
        return arn
