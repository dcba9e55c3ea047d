"""Instances of the cluster: as many and as large at both sites, since either may have to write."""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.iam_role import IamRole
from cdktn_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from cdktn_provider_aws.rds_cluster_instance import RdsClusterInstance, RdsClusterInstanceTimeouts
from constructs import Construct

from payment_dr.infra.constructs.keys import SiteKeys
from payment_dr.infra.constructs.policies import from_account, trust
from payment_dr.infra.place import Place

ENGINE: Final = "aurora-postgresql"

_CERTIFICATE_AUTHORITY: Final = "rds-ca-rsa2048-g1"
_MONITORING_S: Final = 15
_INSIGHTS_DAYS: Final = 7
"""What Performance Insights keeps without a further charge."""
_MANAGED_POLICY: Final = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
_TIMEOUTS: Final = RdsClusterInstanceTimeouts(create="60m", update="90m", delete="60m")


@dataclass(frozen=True, kw_only=True, slots=True)
class InstancesProps:
    """What the instances belong to.

    Attributes:
        place: the site.
        keys: the site's keys.
        cluster: identifier of the cluster.
        parameter_group: name of the instances' parameter group.
        maintenance_window: when AWS may restart one, as RDS writes it.
    """

    place: Place
    keys: SiteKeys
    cluster: str
    parameter_group: str
    maintenance_window: str


class SiteInstances(Construct):
    """Instances spread over the zones, and the role that their monitoring writes with.

    None is preferred as the writer of its cluster.

    Attributes:
        instances: the resources, for what must wait for them.
    """

    def __init__(self, scope: Construct, construct_id: str, props: InstancesProps) -> None:
        super().__init__(scope, construct_id)
        role = self._monitoring_role(props.place)
        count = props.place.settings.deployment.instances
        self.instances = [self._instance(number, role, props) for number in range(1, count + 1)]

    def _monitoring_role(self, place: Place) -> str:
        role = IamRole(
            self,
            "monitoring",
            name=place.name("instance-monitoring"),
            assume_role_policy=trust(
                "monitoring.rds.amazonaws.com",
                from_account(place.settings.deployment.account_id, place.arn("rds", "db:*")),
            ),
        )
        IamRolePolicyAttachment(
            self, "monitoring-writes", role=role.name, policy_arn=_MANAGED_POLICY
        )
        return role.arn

    def _instance(self, number: int, role: str, props: InstancesProps) -> RdsClusterInstance:
        place = props.place
        return RdsClusterInstance(
            self,
            str(number),
            identifier=place.name(f"instance-{number}"),
            cluster_identifier=props.cluster,
            engine=ENGINE,
            instance_class=place.settings.deployment.instance_class,
            availability_zone=place.zones[(number - 1) % len(place.zones)],
            db_parameter_group_name=props.parameter_group,
            ca_cert_identifier=_CERTIFICATE_AUTHORITY,
            publicly_accessible=False,
            promotion_tier=0,
            copy_tags_to_snapshot=True,
            auto_minor_version_upgrade=False,  # both sites change version together or not at all
            apply_immediately=False,
            preferred_maintenance_window=props.maintenance_window,
            monitoring_interval=_MONITORING_S,
            monitoring_role_arn=role,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=props.keys.data_arn,
            performance_insights_retention_period=_INSIGHTS_DAYS,
            timeouts=_TIMEOUTS,
        )
