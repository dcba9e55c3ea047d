"""What both sites need before either is made: names, certificates, secrets.

It is the only stack but `links` that touches Route 53, whose control plane is in us-east-1: sites
are planned and applied without it, and nothing here changes in a move.
"""

from cdktn import Fn, TerraformResourceLifecycle, TerraformStack
from cdktn_provider_aws.route53_zone import Route53Zone
from constructs import Construct

from payment_dr.infra.constructs.certificates import Certificates, CertificatesProps
from payment_dr.infra.constructs.domains import SiteDomains, SiteDomainsProps
from payment_dr.infra.constructs.secret_key import SecretKey, SecretKeyProps
from payment_dr.infra.constructs.secrets import SecretsProps, SharedSecrets
from payment_dr.infra.deployment_order import FOUNDATION
from payment_dr.infra.place import Place
from payment_dr.infra.stacks.base import output, shared_base


def foundation_stack(scope: Construct, home: Place, peer: Place) -> TerraformStack:
    """The zone, both regions' certificates and domain names, the shared secrets and their key."""
    stack = shared_base(scope, FOUNDATION, home)
    zone = Route53Zone(
        stack,
        "zone",
        name=home.settings.dns.zone,
        comment=f"Payments {home.settings.environment_suffix}",
        # Records can be changed within an hour of a loss of us-east-1; no move needs it to.
        # https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/accelerated-recovery.html
        enable_accelerated_recovery=True,
        force_destroy=False,
        # A new zone gets new name servers: the parent would delegate to none that answers.
        lifecycle=TerraformResourceLifecycle(prevent_destroy=True),
    )
    certificates = Certificates(
        stack, "certificates", CertificatesProps(home=home, peer=peer, zone_id=zone.zone_id)
    )
    for place, arn in ((home, certificates.home_arn), (peer, certificates.peer_arn)):
        SiteDomains(
            stack,
            f"domains-{place.site.name}",
            SiteDomainsProps(place=place, zone_id=zone.zone_id, certificate_arn=arn),
        )
    key = SecretKey(stack, "secret-key", SecretKeyProps(home=home, peer=peer))
    SharedSecrets(stack, "secrets", SecretsProps(home=home, peer=peer, key=key))

    output(stack, "ZoneId", zone.zone_id, "Hosted zone")
    output(
        stack,
        "NameServers",
        Fn.join(",", zone.name_servers),
        "What the parent zone delegates to, comma separated",
    )
    output(stack, "ApiUrl", f"https://{home.settings.dns.name}", "What clients use")
    output(stack, "SecretKeyArn", key.home_arn, "Key of the shared secrets, at home")
    return stack
