"""RDS Proxy before the site's cluster: few connections to the database from many functions.

A proxy before a cluster that follows answers at its endpoint for readers; that for the writer
answers once the cluster is promoted. Both exist before they are needed.

Where the payment API logs in by tokens of IAM, so does the proxy at the cluster, and it reads no
secret: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-iam-setup.html
"""

from dataclasses import dataclass
from typing import Final

from cdktn import Fn
from cdktn_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktn_provider_aws.data_aws_secretsmanager_secret import DataAwsSecretsmanagerSecret
from cdktn_provider_aws.db_proxy import DbProxy, DbProxyAuth
from cdktn_provider_aws.db_proxy_default_target_group import (
    DbProxyDefaultTargetGroup,
    DbProxyDefaultTargetGroupConnectionPoolConfig,
)
from cdktn_provider_aws.db_proxy_endpoint import DbProxyEndpoint
from cdktn_provider_aws.db_proxy_target import DbProxyTarget
from cdktn_provider_aws.iam_role import IamRole
from cdktn_provider_aws.iam_role_policy import IamRolePolicy
from cdktn_provider_aws.rds_cluster_instance import RdsClusterInstance
from constructs import Construct

from payment_dr.adapters.ledger_roles import API_USER
from payment_dr.infra.constructs.keys import SiteKeys
from payment_dr.infra.constructs.network import SiteNetwork
from payment_dr.infra.constructs.policies import PolicyStatement, policy, trust
from payment_dr.infra.permission_parts import log_in
from payment_dr.infra.permissions import by_token
from payment_dr.infra.place import Place

SECRETS: Final = ("ledger", "ledger-admin")
"""Users that may come through with a password; the cluster's first user may not."""

_SCHEME: Final = "POSTGRES_SCRAM_SHA_256"
_RESOURCE_ID_PART: Final = 6
"""Of `arn:aws:rds:<region>:<account>:db-proxy:<id>`, counted from 0."""

_IDLE_S: Final = 1800
_BORROW_S: Final = 5
"""Longest wait for a connection; a request has posted or given up long before."""
_CONNECTIONS_PERCENT: Final = 90
_IDLE_PERCENT: Final = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyProps:
    """What the proxy stands before."""

    place: Place
    network: SiteNetwork
    keys: SiteKeys
    cluster: str
    cluster_resource_id: str
    instances: tuple[RdsClusterInstance, ...]


class SiteProxy(Construct):
    """Proxy with TLS required, its two endpoints, its log group, and a role to log in with.

    Attributes:
        resource_id: what IAM database authentication names it by.
        endpoint: to the writer.
        reader_endpoint: to readers.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ProxyProps) -> None:
        super().__init__(scope, construct_id)
        place, network = props.place, props.network
        name, tokens = place.name("proxy"), by_token(place)
        logs = CloudwatchLogGroup(
            self,
            "logs",
            name=f"/aws/rds/proxy/{name}",
            retention_in_days=place.settings.deployment.log_retention_days,
            kms_key_id=props.keys.logs_arn,
        )
        role = IamRole(self, "role", name=name, assume_role_policy=trust("rds.amazonaws.com"))
        statements = _logs_in(place, props.cluster_resource_id) if tokens else _reads(place)
        may = IamRolePolicy(self, "reads", name=name, role=role.id, policy=policy(*statements))
        proxy = DbProxy(
            self,
            "proxy",
            name=name,
            engine_family="POSTGRESQL",
            require_tls=True,
            debug_logging=False,  # it would log statements with their values
            idle_client_timeout=_IDLE_S,
            role_arn=role.arn,
            vpc_subnet_ids=network.database_subnet_ids,
            vpc_security_group_ids=[network.proxy_group_id],
            default_auth_scheme="IAM_AUTH" if tokens else "NONE",
            auth=None if tokens else [self._auth(thing, place) for thing in SECRETS],
            depends_on=[logs, may],
        )
        readers = DbProxyEndpoint(
            self,
            "readers",
            db_proxy_name=proxy.name,
            db_proxy_endpoint_name=place.name("proxy-readers"),
            target_role="READ_ONLY",
            vpc_subnet_ids=network.database_subnet_ids,
            vpc_security_group_ids=[network.proxy_group_id],
        )
        self._target(proxy, props)
        self.resource_id: str = Fn.element(Fn.split(":", proxy.arn), _RESOURCE_ID_PART)
        self.endpoint: str = proxy.endpoint
        self.reader_endpoint: str = readers.endpoint

    def _auth(self, thing: str, place: Place) -> DbProxyAuth:
        secret = DataAwsSecretsmanagerSecret(self, thing, name=place.shared(thing))
        return DbProxyAuth(
            auth_scheme="SECRETS",
            client_password_auth_type=_SCHEME,
            iam_auth="DISABLED",  # the API logs in with the secret's own user
            secret_arn=secret.arn,
            description=thing,
        )

    def _target(self, proxy: DbProxy, props: ProxyProps) -> None:
        group = DbProxyDefaultTargetGroup(
            self,
            "group",
            db_proxy_name=proxy.name,
            connection_pool_config=DbProxyDefaultTargetGroupConnectionPoolConfig(
                connection_borrow_timeout=_BORROW_S,
                max_connections_percent=_CONNECTIONS_PERCENT,
                max_idle_connections_percent=_IDLE_PERCENT,
            ),
        )
        DbProxyTarget(
            self,
            "target",
            db_proxy_name=proxy.name,
            target_group_name=group.name,
            db_cluster_identifier=props.cluster,
            depends_on=list(props.instances),
        )


def _logs_in(place: Place, cluster: str) -> tuple[PolicyStatement, ...]:
    """Log in to the one cluster as the one user that comes through."""
    return (log_in("LogIn", place, cluster, API_USER),)


def _reads(place: Place) -> tuple[PolicyStatement, ...]:
    """Read the two secrets, and decrypt them through Secrets Manager alone."""
    return (
        PolicyStatement(
            sid="Secrets",
            actions=("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"),
            resources=tuple(place.secret_arn(thing) for thing in SECRETS),
        ),
        PolicyStatement(
            sid="Decrypt",
            actions=("kms:Decrypt",),
            resources=(place.arn("kms", "key/*"),),
            conditions={
                "StringEquals": {
                    "kms:ViaService": f"secretsmanager.{place.site.region}.amazonaws.com"
                },
                "ForAnyValue:StringEquals": {
                    "kms:ResourceAliases": f"alias/{place.shared('secrets')}"
                },
            },
        ),
    )
