"""The takeover switch as Route 53 sees it: an inverted check of what the other site says.

The site that is not home answers `/takeover` with 200 while the control record leads clients away
from home, else with 404 or 503. Inverted, 200 makes home unhealthy; so a site that is gone, cut off
from the table, or not asked for it leaves home as it is. No metric, no alarm, and no call of any
control plane lies between the record and the answer.

Route 53 takes a new inverted check for unhealthy until it has asked: a name that is just being made
is answered with the other site for its first seconds, which accepts payments as well.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
"""

from dataclasses import dataclass

from cdktn_provider_aws.route53_health_check import Route53HealthCheck
from constructs import Construct

from payment_dr.infra.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeoverProps:
    """The place that is asked: the one that is not home."""

    peer: Place


class TakeoverSwitch(Construct):
    """Healthy while nobody asks clients to leave home.

    Attributes:
        health_check_id: unhealthy while the switch is raised.
    """

    def __init__(self, scope: Construct, construct_id: str, props: TakeoverProps) -> None:
        super().__init__(scope, construct_id)
        peer = props.peer
        settings = peer.settings
        check = Route53HealthCheck(
            self,
            "not-raised",
            type="HTTPS",
            fqdn=settings.domain(peer.site.name),
            port=443,
            resource_path="/takeover",
            invert_healthcheck=True,
            enable_sni=True,
            # As often as `/health`: what is promised of clients is one sum for both.
            request_interval=int(settings.probes.interval_s),
            measure_latency=False,
            failure_threshold=settings.probes.threshold,
            tags={"Name": peer.name("takeover")},
        )
        self.health_check_id: str = check.id
