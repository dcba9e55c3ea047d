"""Who may talk to whom inside a site, and from the other one: each way is one rule at each end."""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.security_group import SecurityGroup
from cdktn_provider_aws.vpc_security_group_egress_rule import VpcSecurityGroupEgressRule
from cdktn_provider_aws.vpc_security_group_ingress_rule import VpcSecurityGroupIngressRule
from constructs import Construct

from payment_dr.infra.constructs.ports import DNS_PORT, HTTPS_PORT, INTERNET, LEDGER_PORT
from payment_dr.infra.constructs.subnets import subnet_plan
from payment_dr.infra.place import Place

_TCP: Final = "tcp"
_UDP: Final = "udp"


@dataclass(frozen=True, kw_only=True, slots=True)
class SecurityGroupsProps:
    """Where the groups are."""

    place: Place
    vpc_id: str


class SiteSecurityGroups(Construct):
    """Functions, proxy, cluster, endpoints: four groups and the ways between them, nothing else.

    Functions of the other site reach the cluster over the peering, since a switchover stamps the
    old writer from the new one; they are named by network, as a group of another region cannot be.

    Attributes:
        function_group_id: admits nobody.
        proxy_group_id: admits functions.
        ledger_group_id: admits functions of both sites and the proxy; opens no connection.
        endpoint_group_id: admits functions.
    """

    def __init__(self, scope: Construct, construct_id: str, props: SecurityGroupsProps) -> None:
        super().__init__(scope, construct_id)
        self.function_group_id = self._group("functions", props, "Functions")
        self.proxy_group_id = self._group("proxy", props, "Proxy of the ledger")
        self.ledger_group_id = self._group("ledger", props, "Cluster of the ledger")
        self.endpoint_group_id = self._group("endpoints", props, "Endpoints of AWS services")

        functions, proxy, ledger = (
            self.function_group_id,
            self.proxy_group_id,
            self.ledger_group_id,
        )
        self._way("functions-to-proxy", functions, proxy, LEDGER_PORT)
        self._way("functions-to-ledger", functions, ledger, LEDGER_PORT)
        self._way("proxy-to-ledger", proxy, ledger, LEDGER_PORT)
        self._way("functions-to-endpoints", functions, self.endpoint_group_id, HTTPS_PORT)
        self._peer(props.place)
        self._internet()

    def _group(self, thing: str, props: SecurityGroupsProps, description: str) -> str:
        name = props.place.name(thing)
        group = SecurityGroup(
            self,
            thing,
            name=name,
            description=f"{description} of {props.place.site.name}",
            vpc_id=props.vpc_id,
            tags={"Name": name},
        )
        return group.id

    def _way(self, name: str, source: str, target: str, port: int) -> None:
        VpcSecurityGroupEgressRule(
            self,
            f"{name}-out",
            security_group_id=source,
            referenced_security_group_id=target,
            ip_protocol=_TCP,
            from_port=port,
            to_port=port,
            description=name,
        )
        VpcSecurityGroupIngressRule(
            self,
            f"{name}-in",
            security_group_id=target,
            referenced_security_group_id=source,
            ip_protocol=_TCP,
            from_port=port,
            to_port=port,
            description=name,
        )

    def _peer(self, place: Place) -> None:
        over_there = subnet_plan(place.peer.cidr)
        VpcSecurityGroupEgressRule(
            self,
            "functions-to-peer-ledger-out",
            security_group_id=self.function_group_id,
            cidr_ipv4=str(over_there.database.part),
            ip_protocol=_TCP,
            from_port=LEDGER_PORT,
            to_port=LEDGER_PORT,
            description=f"ledger of {place.peer.name}",
        )
        VpcSecurityGroupIngressRule(
            self,
            "peer-functions-to-ledger-in",
            security_group_id=self.ledger_group_id,
            cidr_ipv4=str(over_there.application.part),
            ip_protocol=_TCP,
            from_port=LEDGER_PORT,
            to_port=LEDGER_PORT,
            description=f"functions of {place.peer.name}",
        )

    def _internet(self) -> None:
        """The provider, merchants, the other region's AWS, and the zone's own name servers."""
        ways = (("https", _TCP, HTTPS_PORT), ("dns", _UDP, DNS_PORT), ("dns-tcp", _TCP, DNS_PORT))
        for name, protocol, port in ways:
            VpcSecurityGroupEgressRule(
                self,
                f"functions-to-internet-{name}",
                security_group_id=self.function_group_id,
                cidr_ipv4=INTERNET,
                ip_protocol=protocol,
                from_port=port,
                to_port=port,
                description=f"{name} to the internet",
            )
