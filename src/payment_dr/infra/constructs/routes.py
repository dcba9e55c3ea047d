"""Ways out: functions by NAT in their own zone, the database not at all.

Routes to the other site are `links`' business: it finds these tables by their tag `Name`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.eip import Eip
from cdktn_provider_aws.internet_gateway import InternetGateway
from cdktn_provider_aws.nat_gateway import NatGateway
from cdktn_provider_aws.route import Route
from cdktn_provider_aws.route_table import RouteTable
from cdktn_provider_aws.route_table_association import RouteTableAssociation
from constructs import Construct

from payment_dr.infra.constructs.placed_subnets import SiteSubnets
from payment_dr.infra.constructs.ports import INTERNET
from payment_dr.infra.place import ZONES, Place

DATABASE_TABLE: Final = "routes-database"
PUBLIC_TABLE: Final = "routes-public"


def application_table(zone: str) -> str:
    """What the route table of a zone's functions is called; the zone by its letter."""
    return f"routes-application-{zone}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutesProps:
    """What is routed."""

    place: Place
    vpc_id: str
    subnets: SiteSubnets


class SiteRoutes(Construct):
    """Internet gateway, NAT, route tables.

    One NAT gateway in each zone, or one for the site if settings say so: cheaper, and the loss of
    that zone then takes the way to the provider from all.

    Attributes:
        application_table_ids: route tables of the functions' subnets, in the order of zones.
    """

    def __init__(self, scope: Construct, construct_id: str, props: RoutesProps) -> None:
        super().__init__(scope, construct_id)
        gateways = self._ways_out(props)
        self.application_table_ids = [
            self._table(f"application-{zone}", props, application_table(zone)) for zone in ZONES
        ]
        self._associate("application", self.application_table_ids, props.subnets.application_ids)
        for number, (zone, table) in enumerate(zip(ZONES, self.application_table_ids, strict=True)):
            Route(
                self,
                f"application-{zone}-default",
                route_table_id=table,
                destination_cidr_block=INTERNET,
                nat_gateway_id=gateways[number % len(gateways)],
            )
        database = self._table("database", props, DATABASE_TABLE)
        self._associate("database", [database] * len(ZONES), props.subnets.database_ids)

    def _ways_out(self, props: RoutesProps) -> list[str]:
        """Internet gateway and public subnets; the NAT gateways in these, in the order of zones."""
        place, public_ids = props.place, props.subnets.public_ids
        gateway = InternetGateway(
            self, "internet", vpc_id=props.vpc_id, tags={"Name": place.name("internet")}
        )
        public = self._table("public", props, PUBLIC_TABLE)
        Route(
            self,
            "public-default",
            route_table_id=public,
            destination_cidr_block=INTERNET,
            gateway_id=gateway.id,
        )
        self._associate("public", [public] * len(ZONES), public_ids)
        zones = ZONES if place.settings.deployment.nat_per_zone else ZONES[:1]
        return [
            self._nat(zone, place, subnet, gateway)
            for zone, subnet in zip(zones, public_ids, strict=False)
        ]

    def _table(self, construct_id: str, props: RoutesProps, thing: str) -> str:
        table = RouteTable(
            self, construct_id, vpc_id=props.vpc_id, tags={"Name": props.place.name(thing)}
        )
        return table.id

    def _associate(self, kind: str, tables: Sequence[str], subnets: Sequence[str]) -> None:
        for zone, table, subnet in zip(ZONES, tables, subnets, strict=True):
            RouteTableAssociation(self, f"{kind}-{zone}-in", route_table_id=table, subnet_id=subnet)

    def _nat(self, zone: str, place: Place, subnet: str, gateway: InternetGateway) -> str:
        name = {"Name": place.name(f"nat-{zone}")}
        address = Eip(self, f"address-{zone}", domain="vpc", depends_on=[gateway], tags=name)
        nat = NatGateway(
            self,
            f"nat-{zone}",
            allocation_id=address.allocation_id,
            subnet_id=subnet,
            connectivity_type="public",
            depends_on=[gateway],
            tags=name,
        )
        return nat.id
