"""A site's subnets, one of each kind in each zone."""

from dataclasses import dataclass

from cdktn_provider_aws.subnet import Subnet
from constructs import Construct

from payment_dr.infra.constructs.subnets import Tier, subnet_plan
from payment_dr.infra.place import ZONES, Place


@dataclass(frozen=True, kw_only=True, slots=True)
class SubnetsProps:
    """Which network is divided."""

    place: Place
    vpc_id: str


class SiteSubnets(Construct):
    """The subnets of `subnet_plan`.

    Attributes:
        public_ids: for NAT gateways, in the order of zones.
        application_ids: for functions and endpoints, in the order of zones.
        database_ids: for cluster and proxy, in the order of zones.
    """

    def __init__(self, scope: Construct, construct_id: str, props: SubnetsProps) -> None:
        super().__init__(scope, construct_id)
        plan = subnet_plan(props.place.site.cidr)
        self.public_ids = self._placed("public", props, plan.public)
        self.application_ids = self._placed("application", props, plan.application)
        self.database_ids = self._placed("database", props, plan.database)

    def _placed(self, kind: str, props: SubnetsProps, tier: Tier) -> list[str]:
        place = props.place
        return [
            Subnet(
                self,
                f"{kind}-{letter}",
                vpc_id=props.vpc_id,
                cidr_block=str(network),
                availability_zone=zone,
                map_public_ip_on_launch=False,
                tags={"Name": place.name(f"{kind}-{letter}"), "Tier": kind},
            ).id
            for letter, zone, network in zip(ZONES, place.zones, tier.subnets, strict=True)
        ]
