"""The ledger's cluster: encrypted under the site's own key, member of the global cluster.

Who writes changes in every move, outside the engine. Nothing here says a role of the moment: both
sites have the same instances, parameters and protection, and both ignore what a move changes.
Home differs in what only the first member of a global cluster takes: a user and a database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cdktn import Fn, ITerraformDependable, TerraformResourceLifecycle
from cdktn_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktn_provider_aws.db_subnet_group import DbSubnetGroup
from cdktn_provider_aws.ephemeral_aws_secretsmanager_secret_version import (
    EphemeralAwsSecretsmanagerSecretVersion,
)
from cdktn_provider_aws.rds_cluster import RdsCluster, RdsClusterTimeouts
from cdktn_provider_aws.rds_global_cluster import RdsGlobalCluster, RdsGlobalClusterTimeouts
from constructs import Construct

from payment_dr.adapters.ledger_roles import MASTER_USER
from payment_dr.infra.constructs.instances import ENGINE, InstancesProps, SiteInstances
from payment_dr.infra.constructs.keys import SiteKeys
from payment_dr.infra.constructs.network import SiteNetwork
from payment_dr.infra.constructs.parameters import ParametersProps, SiteParameters
from payment_dr.infra.constructs.ports import LEDGER_PORT
from payment_dr.infra.constructs.proxy import ProxyProps, SiteProxy
from payment_dr.infra.place import Place

DATABASE: Final = "ledger"
MASTER_LOGIN: Final = "ledger-master"

MASTER_PASSWORD_VERSION: Final = 1
"""Raise it to write the secret's value of that day to the cluster again."""

IGNORED: Final = ("global_cluster_identifier", "replication_source_identifier", "engine_version")
"""What the engine must not set back, at either site.

A move changes the first two: a plan would detach or replace the cluster that has just taken over
(issues 40921 and 42919 of hashicorp/terraform-provider-aws). An upgrade goes through the global
cluster, which changes the version of all members (the provider's page on `aws_rds_global_cluster`,
"Upgrading Engine Versions").
"""

_LOG_EXPORTS: Final = ("postgresql",)
_TIMEOUTS: Final = RdsClusterTimeouts(create="120m", update="120m", delete="120m")
_GLOBAL_TIMEOUTS: Final = RdsGlobalClusterTimeouts(create="30m", update="90m", delete="30m")


@dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """Hours of a site in UTC; the other site's are apart, so that one of them is always whole.

    Attributes:
        backup: daily snapshot.
        maintenance: weekly.
    """

    backup: str
    maintenance: str


AT_HOME: Final = Windows(backup="02:00-03:00", maintenance="tue:04:00-tue:05:00")
AT_PEER: Final = Windows(backup="06:00-07:00", maintenance="thu:08:00-thu:09:00")


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseProps:
    """Where the cluster is and what it is encrypted with."""

    place: Place
    network: SiteNetwork
    keys: SiteKeys


class SiteDatabase(Construct):
    """Cluster, instances, parameters, log groups, proxy; at home the global cluster as well.

    Attributes:
        cluster_identifier: the cluster's name, `Place.name("cluster")`.
        cluster_arn: its ARN.
        cluster_resource_id: what IAM database authentication names it by.
        endpoint: the writer, where and while this cluster has one; otherwise it answers nobody.
        reader_endpoint: reads, in a cluster that follows as well.
        proxy_resource_id: the same of its proxy.
        proxy_endpoint: the proxy to the writer.
        proxy_reader_endpoint: the proxy to readers.
        port: of all of them.
    """

    def __init__(self, scope: Construct, construct_id: str, props: DatabaseProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        windows = AT_HOME if place.is_home else AT_PEER
        parameters = SiteParameters(self, "parameters", ParametersProps(place=place))
        waits_for = [*self._log_groups(props), *self._global_cluster(place)]
        cluster = self._cluster(props, parameters.cluster_group, waits_for)
        _keep(cluster, place, windows)
        instances = SiteInstances(
            self,
            "instances",
            InstancesProps(
                place=place,
                keys=props.keys,
                cluster=cluster.cluster_identifier,
                parameter_group=parameters.instance_group,
                maintenance_window=windows.maintenance,
            ),
        )
        proxy = SiteProxy(
            self,
            "proxy",
            ProxyProps(
                place=place,
                network=props.network,
                keys=props.keys,
                cluster=cluster.cluster_identifier,
                cluster_resource_id=cluster.cluster_resource_id,
                instances=tuple(instances.instances),
            ),
        )
        self.cluster_identifier = place.name("cluster")
        self.cluster_arn: str = cluster.arn
        self.cluster_resource_id: str = cluster.cluster_resource_id
        self.endpoint: str = cluster.endpoint
        self.reader_endpoint: str = cluster.reader_endpoint
        self.proxy_resource_id = proxy.resource_id
        self.proxy_endpoint = proxy.endpoint
        self.proxy_reader_endpoint = proxy.reader_endpoint
        self.port = LEDGER_PORT

    def _log_groups(self, props: DatabaseProps) -> list[ITerraformDependable]:
        """Made before the cluster: a group that RDS makes is kept forever and in clear."""
        place = props.place
        return [
            CloudwatchLogGroup(
                self,
                f"logs-{export}",
                name=f"/aws/rds/cluster/{place.name('cluster')}/{export}",
                retention_in_days=place.settings.deployment.log_retention_days,
                kms_key_id=props.keys.logs_arn,
            )
            for export in _LOG_EXPORTS
        ]

    def _global_cluster(self, place: Place) -> list[ITerraformDependable]:
        """The global cluster, at home; the other site joins it by name."""
        if not place.is_home:
            return []
        return [
            RdsGlobalCluster(
                self,
                "global",
                global_cluster_identifier=place.shared("global"),
                engine=ENGINE,
                engine_version=place.settings.deployment.engine_version,
                database_name=DATABASE,
                storage_encrypted=True,
                deletion_protection=True,
                force_destroy=False,
                lifecycle=TerraformResourceLifecycle(prevent_destroy=True),
                timeouts=_GLOBAL_TIMEOUTS,
            )
        ]

    def _cluster(
        self,
        props: DatabaseProps,
        parameter_group: str,
        waits_for: Sequence[ITerraformDependable],
    ) -> RdsCluster:
        place, deployment = props.place, props.place.settings.deployment
        # Aurora takes no first user for a cluster that joins as a secondary.
        leads = place.is_home and not deployment.home_follows
        return RdsCluster(
            self,
            "cluster",
            cluster_identifier=place.name("cluster"),
            # By name at both sites: neither plan reads the global cluster's own state.
            global_cluster_identifier=place.shared("global"),
            engine=ENGINE,
            engine_mode="provisioned",
            engine_version=deployment.engine_version,
            database_name=DATABASE if leads else None,
            master_username=MASTER_USER if leads else None,
            master_password_wo=self._master_password(place) if leads else None,
            master_password_wo_version=MASTER_PASSWORD_VERSION if leads else None,
            storage_encrypted=True,
            kms_key_id=props.keys.data_arn,
            db_subnet_group_name=self._subnet_group(props),
            vpc_security_group_ids=[props.network.ledger_group_id],
            port=LEDGER_PORT,
            network_type="IPV4",
            db_cluster_parameter_group_name=parameter_group,
            iam_database_authentication_enabled=True,
            enable_http_endpoint=False,
            # A follower that forwards writes would take them from the site that is fenced off.
            enable_global_write_forwarding=False,
            enable_local_write_forwarding=False,
            enabled_cloudwatch_logs_exports=list(_LOG_EXPORTS),
            depends_on=list(waits_for),
            lifecycle=TerraformResourceLifecycle(
                prevent_destroy=True, ignore_changes=list(IGNORED)
            ),
            timeouts=_TIMEOUTS,
        )

    def _subnet_group(self, props: DatabaseProps) -> str:
        group = DbSubnetGroup(
            self,
            "subnets",
            name=props.place.name("database"),
            description=f"Database of {props.place.site.name}",
            subnet_ids=props.network.database_subnet_ids,
        )
        return group.name

    def _master_password(self, place: Place) -> str:
        """The password from the region's own copy of the secret; never in a plan or a state."""
        secret = EphemeralAwsSecretsmanagerSecretVersion(
            self, "master", secret_id=place.shared(MASTER_LOGIN)
        )
        password: str = Fn.lookup(Fn.jsondecode(secret.secret_string), "password")
        return password


def _keep(cluster: RdsCluster, place: Place, windows: Windows) -> None:
    """What stands between the ledger and its loss by a wrong plan, or a change at a bad hour."""
    cluster.deletion_protection = True
    cluster.skip_final_snapshot = False
    cluster.final_snapshot_identifier = place.name("final")
    cluster.delete_automated_backups = False
    cluster.backup_retention_period = place.settings.deployment.backup_retention_days
    cluster.preferred_backup_window = windows.backup
    cluster.copy_tags_to_snapshot = True
    cluster.preferred_maintenance_window = windows.maintenance
    cluster.allow_major_version_upgrade = False
    cluster.apply_immediately = False
