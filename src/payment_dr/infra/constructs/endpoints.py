"""Ways to AWS services inside the region: no NAT, no internet, no other region in between."""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.vpc_endpoint import VpcEndpoint
from constructs import Construct

from payment_dr.infra.constructs.policies import PolicyStatement, policy
from payment_dr.infra.place import Place

GATEWAY_SERVICES: Final = ("dynamodb", "s3")
"""Reached by routes, free: payments table and evidence."""

INTERFACE_SERVICES: Final = (
    "secretsmanager",
    "kms",
    "logs",
    "sts",
    "sns",
    "states",
    "rds",
    "lambda",
)
"""Reached by an address in each zone: what taking payments and moving the active role call.

Traces and logs of functions are sent by Lambda itself, outside the VPC. What only readiness asks
for (quotas, certificates) goes through NAT.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointsProps:
    """Where the endpoints are: the functions' subnets, and the tables that route these."""

    place: Place
    vpc_id: str
    subnet_ids: tuple[str, ...]
    route_table_ids: tuple[str, ...]
    group_id: str


class SiteEndpoints(Construct):
    """Gateway and interface endpoints, the latter under the services' own names.

    Each admits principals of this account alone: stolen credentials of another account cannot carry
    data out through them.
    """

    def __init__(self, scope: Construct, construct_id: str, props: EndpointsProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        admitted = _own_account(place.settings.deployment.account_id)
        for service in GATEWAY_SERVICES:
            VpcEndpoint(
                self,
                service,
                vpc_id=props.vpc_id,
                service_name=_name(place, service),
                vpc_endpoint_type="Gateway",
                route_table_ids=list(props.route_table_ids),
                policy=admitted,
                tags={"Name": place.name(f"endpoint-{service}")},
            )
        for service in INTERFACE_SERVICES:
            VpcEndpoint(
                self,
                service,
                vpc_id=props.vpc_id,
                service_name=_name(place, service),
                vpc_endpoint_type="Interface",
                subnet_ids=list(props.subnet_ids),
                security_group_ids=[props.group_id],
                private_dns_enabled=True,
                policy=admitted,
                tags={"Name": place.name(f"endpoint-{service}")},
            )


def _name(place: Place, service: str) -> str:
    return f"com.amazonaws.{place.site.region}.{service}"


def _own_account(account: str) -> str:
    return policy(
        PolicyStatement(
            sid="OwnAccount",
            actions=("*",),
            resources=("*",),
            principal={"AWS": "*"},
            conditions={"StringEquals": {"aws:PrincipalAccount": account}},
        )
    )
