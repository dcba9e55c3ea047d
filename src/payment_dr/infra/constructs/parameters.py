"""Parameters of PostgreSQL, the same at both sites: a cluster that follows inherits none of them.

`rds.global_db_rpo` is left alone. On the cluster that is promoted it would wait for a follower in
the region just lost, and block every commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.db_parameter_group import DbParameterGroup, DbParameterGroupParameter
from cdktn_provider_aws.rds_cluster_parameter_group import (
    RdsClusterParameterGroup,
    RdsClusterParameterGroupParameter,
)
from constructs import Construct

from payment_dr.infra.place import Place

_AT_ONCE: Final = "immediate"
_AT_RESTART: Final = "pending-reboot"

CLUSTER_PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "rds.force_ssl": ("1", _AT_ONCE),
    "ssl_min_protocol_version": ("TLSv1.2", _AT_ONCE),
    "password_encryption": ("scram-sha-256", _AT_ONCE),
    "rds.logical_replication": ("0", _AT_RESTART),
    "shared_preload_libraries": ("pg_stat_statements", _AT_RESTART),
    "log_statement": ("ddl", _AT_ONCE),
    "log_min_duration_statement": ("1000", _AT_ONCE),
    "log_connections": ("1", _AT_ONCE),
    "log_disconnections": ("1", _AT_ONCE),
}
"""Value, and when it takes effect, by name. Durations are milliseconds.

`ddl` logs `ALTER ROLE`, so passwords are to be sent as SCRAM verifiers and never in clear.
"""

INSTANCE_PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "log_lock_waits": ("1", _AT_ONCE),
    "log_temp_files": ("10240", _AT_ONCE),
}
"""The same for each instance. Sizes are kilobytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParametersProps:
    """Where the groups are."""

    place: Place


class SiteParameters(Construct):
    """A parameter group for the cluster and one for its instances.

    Attributes:
        cluster_group: name of the cluster's.
        instance_group: name of the instances'.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ParametersProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        family = family_of(place.settings.deployment.engine_version)
        cluster = RdsClusterParameterGroup(
            self,
            "cluster",
            name=place.name("cluster"),
            family=family,
            description=f"Cluster of {place.site.name}",
            parameter=[
                RdsClusterParameterGroupParameter(name=name, value=value, apply_method=when)
                for name, (value, when) in CLUSTER_PARAMETERS.items()
            ],
        )
        instance = DbParameterGroup(
            self,
            "instance",
            name=place.name("instance"),
            family=family,
            description=f"Instances of {place.site.name}",
            parameter=[
                DbParameterGroupParameter(name=name, value=value, apply_method=when)
                for name, (value, when) in INSTANCE_PARAMETERS.items()
            ],
        )
        self.cluster_group: str = cluster.name
        self.instance_group: str = instance.name


def family_of(engine_version: str) -> str:
    """Family of parameter groups of an Aurora PostgreSQL version: `16.8` has that of 16."""
    return f"aurora-postgresql{engine_version.partition('.')[0]}"
