"""The sites' networks joined: one connection, its acceptance, names and routes both ways.

What lies in the sites' stacks is found by its `Name`, each in its own region.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cdktn_provider_aws.data_aws_route_table import DataAwsRouteTable, DataAwsRouteTableFilter
from cdktn_provider_aws.data_aws_vpc import DataAwsVpc, DataAwsVpcFilter
from cdktn_provider_aws.route import Route
from cdktn_provider_aws.vpc_peering_connection import VpcPeeringConnection
from cdktn_provider_aws.vpc_peering_connection_accepter import VpcPeeringConnectionAccepterA
from cdktn_provider_aws.vpc_peering_connection_options import (
    VpcPeeringConnectionOptions,
    VpcPeeringConnectionOptionsAccepter,
    VpcPeeringConnectionOptionsRequester,
)
from constructs import Construct

from payment_dr.infra.constructs.network import PEERED_ROUTE_TABLES, VPC
from payment_dr.infra.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class PeeringProps:
    """Both places: home asks, the other site accepts."""

    home: Place
    peer: Place


class SitePeering(Construct):
    """Functions of each site reach the other one's database, by name and over private addresses.

    Attributes:
        connection_id: of the accepted connection.
    """

    def __init__(self, scope: Construct, construct_id: str, props: PeeringProps) -> None:
        super().__init__(scope, construct_id)
        home, peer = props.home, props.peer
        connection = VpcPeeringConnection(
            self,
            "connection",
            vpc_id=self._vpc_id(home),
            peer_vpc_id=self._vpc_id(peer),
            peer_region=peer.site.region,
            peer_owner_id=peer.settings.deployment.account_id,
            # Across regions the other side accepts by a resource of its own.
            auto_accept=False,
            region=home.site.region,
            tags={"Name": home.shared("peering")},
        )
        accepted = VpcPeeringConnectionAccepterA(
            self,
            "accepter",
            vpc_peering_connection_id=connection.id,
            auto_accept=True,
            region=peer.site.region,
            tags={"Name": home.shared("peering")},
        )
        # Everything below refers to the acceptance: options and routes need an active connection.
        self.connection_id: str = accepted.id
        self._resolve_names(props)
        self._route(home, peer)
        self._route(peer, home)

    def _vpc_id(self, place: Place) -> str:
        found = DataAwsVpc(
            self,
            f"vpc-{place.site.name}",
            filter=[DataAwsVpcFilter(name="tag:Name", values=[place.name(VPC)])],
            region=place.site.region,
        )
        vpc_id: str = found.id
        return vpc_id

    def _resolve_names(self, props: PeeringProps) -> None:
        """A cluster's name, asked for at the other site, gives its private address."""
        VpcPeeringConnectionOptions(
            self,
            f"names-{props.home.site.name}",
            vpc_peering_connection_id=self.connection_id,
            requester=VpcPeeringConnectionOptionsRequester(allow_remote_vpc_dns_resolution=True),
            region=props.home.site.region,
        )
        VpcPeeringConnectionOptions(
            self,
            f"names-{props.peer.site.name}",
            vpc_peering_connection_id=self.connection_id,
            accepter=VpcPeeringConnectionOptionsAccepter(allow_remote_vpc_dns_resolution=True),
            region=props.peer.site.region,
        )

    def _route(self, place: Place, to: Place) -> None:
        for name, table_id in self._tables(place):
            Route(
                self,
                f"route-{name}",
                route_table_id=table_id,
                destination_cidr_block=str(to.site.cidr),
                vpc_peering_connection_id=self.connection_id,
                region=place.site.region,
            )

    def _tables(self, place: Place) -> Iterator[tuple[str, str]]:
        for thing in PEERED_ROUTE_TABLES:
            name = place.name(thing)
            found = DataAwsRouteTable(
                self,
                f"table-{name}",
                filter=[DataAwsRouteTableFilter(name="tag:Name", values=[name])],
                region=place.site.region,
            )
            yield name, found.id
