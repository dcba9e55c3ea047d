"""The failover records of the name that clients resolve; no move ever changes them.

A CNAME to the site's own name, because it has a TTL of its own: an alias takes its target's, 60 s.
"""

from dataclasses import dataclass

from cdktn_provider_aws.route53_record import Route53Record, Route53RecordFailoverRoutingPolicy
from constructs import Construct

from payment_dr.infra.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class FailoverRecordsProps:
    """Both places, the zone, and the check behind each answer."""

    home: Place
    peer: Place
    zone_id: str
    home_check_id: str
    peer_check_id: str


class FailoverRecords(Construct):
    """Two answers for one name: home's while its check is healthy, else the other site's.

    With both unhealthy Route 53 answers with home's.
    """

    def __init__(self, scope: Construct, construct_id: str, props: FailoverRecordsProps) -> None:
        super().__init__(scope, construct_id)
        dns = props.home.settings.dns
        # PRIMARY and SECONDARY are Route 53's words for the order of its answers.
        for place, order, check_id in (
            (props.home, "PRIMARY", props.home_check_id),
            (props.peer, "SECONDARY", props.peer_check_id),
        ):
            Route53Record(
                self,
                place.site.name,
                zone_id=props.zone_id,
                name=dns.name,
                type="CNAME",
                ttl=dns.ttl_s,
                records=[place.settings.domain(place.site.name)],
                set_identifier=place.site.name,
                failover_routing_policy=Route53RecordFailoverRoutingPolicy(type=order),
                health_check_id=check_id,
            )
