"""Experiments for drills on AWS; each acts on one site, in its region, and never by itself.

| experiment | does | shows |
| --- | --- | --- |
| isolate-site | cuts off functions and replica | a lost region, as clients see it |
| pause-table | cuts off the replica alone | a site that must not acknowledge, and says so |
| change-writer | fails the cluster over inside the site | posting pauses, accepting goes on |

Sources: https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html for the
actions; strongly consistent tables are paused like others, with one permission more
(`dynamodb:InjectError`). What no experiment can do: stop Aurora's replication between regions, or
take a region's control planes away. Failing calls of functions (`aws:lambda:invocation-error`) are
left out: it needs a layer of the service and a bucket on the payment path of production
(https://docs.aws.amazon.com/fis/latest/userguide/use-lambda-actions.html). Cutting only the other
region off (`aws:network:route-table-disrupt-cross-region-connectivity`) is left out as well: it
needs route tables of 350 routes, beyond the quota of an account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktn_provider_aws.fis_experiment_template import (
    FisExperimentTemplate,
    FisExperimentTemplateAction,
    FisExperimentTemplateActionParameter,
    FisExperimentTemplateActionTarget,
    FisExperimentTemplateExperimentOptions,
    FisExperimentTemplateLogConfiguration,
    FisExperimentTemplateLogConfigurationCloudwatchLogsConfiguration,
    FisExperimentTemplateStopCondition,
    FisExperimentTemplateTarget,
    FisExperimentTemplateTargetResourceTag,
)
from cdktn_provider_aws.iam_role import IamRole
from cdktn_provider_aws.iam_role_policy import IamRolePolicy
from constructs import Construct

from payment_dr.infra.constructs.fault_injection_role import (
    PAUSE_TABLE,
    cluster_arn,
    permissions,
    trusted,
)
from payment_dr.infra.place import Place

DURATION: Final = "PT15M"
"""Longest time of an experiment, as ISO 8601: detection, promotion and a look around fit in it."""

API_ERRORS: Final = "api-errors"
"""Alarm of a site's own stack, found by its name."""

_LOG_SCHEMA: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultInjectionProps:
    """The place that is broken, the alarm of its drills, and its key for logs."""

    place: Place
    guard_arn: str
    logs_key_arn: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fault:
    """An action on a target; `key` is what the action calls its targets."""

    action_id: str
    key: str
    target: FisExperimentTemplateTarget
    parameters: dict[str, str]

    def action(self) -> FisExperimentTemplateAction:
        return FisExperimentTemplateAction(
            name=self.target.name,
            action_id=self.action_id,
            parameter=[
                FisExperimentTemplateActionParameter(key=key, value=value)
                for key, value in self.parameters.items()
            ],
            target=FisExperimentTemplateActionTarget(key=self.key, value=self.target.name),
        )


class FaultInjection(Construct):
    """The experiments of one site, with a role, a log and a stop condition."""

    def __init__(self, scope: Construct, construct_id: str, props: FaultInjectionProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        place = props.place
        self._role_arn = self._role(place)
        self._log_arn = self._log(place)
        site = place.site.name
        self._template(
            "isolate-site",
            f"Cuts functions and table replica of {site} off, as if the region were lost",
            [_cut_subnets(place), _cut_replica(place)],
        )
        self._template(
            "pause-table",
            f"Cuts the replica of the payments table at {site} off",
            [_cut_replica(place)],
        )
        self._template(
            "change-writer",
            f"Fails the cluster of {site} over inside it",
            [_change_writer(place)],
            # Accepting must not notice it: the site's own alarm stops it too.
            stops=[place.arn("cloudwatch", f"alarm:{place.name(API_ERRORS)}")],
        )

    def _template(
        self, name: str, description: str, faults: list[_Fault], *, stops: Sequence[str] = ()
    ) -> None:
        """An experiment, stopped by the drill's own alarm and by those of `stops`."""
        place = self._props.place
        FisExperimentTemplate(
            self,
            name,
            description=description,
            role_arn=self._role_arn,
            action=[fault.action() for fault in faults],
            target=[fault.target for fault in faults],
            stop_condition=[
                FisExperimentTemplateStopCondition(source="aws:cloudwatch:alarm", value=arn)
                for arn in (self._props.guard_arn, *stops)
            ],
            experiment_options=FisExperimentTemplateExperimentOptions(
                account_targeting="single-account",
                # An experiment that finds nothing to break would pass as a drill that was survived.
                empty_target_resolution_mode="fail",
            ),
            log_configuration=FisExperimentTemplateLogConfiguration(
                log_schema_version=_LOG_SCHEMA,
                cloudwatch_logs_configuration=(
                    FisExperimentTemplateLogConfigurationCloudwatchLogsConfiguration(
                        log_group_arn=f"{self._log_arn}:*"
                    )
                ),
            ),
            region=place.site.region,
            tags={"Name": place.name(name)},
        )

    def _role(self, place: Place) -> str:
        role = IamRole(
            self,
            "role",
            name=place.name("fault-injection"),
            description=f"Breaks {place.site.name} in drills",
            assume_role_policy=trusted(place),
        )
        IamRolePolicy(self, "policy", name="break", role=role.id, policy=permissions(place))
        arn: str = role.arn
        return arn

    def _log(self, place: Place) -> str:
        group = CloudwatchLogGroup(
            self,
            "log",
            name=f"/aws/fis/{place.name('drills')}",
            retention_in_days=place.settings.deployment.log_retention_days,
            kms_key_id=self._props.logs_key_arn,
            region=place.site.region,
        )
        arn: str = group.arn
        return arn


def _cut_subnets(place: Place) -> _Fault:
    """The functions' subnets, found by their tags: three, of at most five that FIS takes."""
    tags = {
        "Site": place.site.name,
        "Environment": place.settings.environment_suffix,
        "Tier": "application",
    }
    return _Fault(
        action_id="aws:network:disrupt-connectivity",
        key="Subnets",
        target=FisExperimentTemplateTarget(
            name="functions",
            resource_type="aws:ec2:subnet",
            selection_mode="ALL",
            resource_tag=[
                FisExperimentTemplateTargetResourceTag(key=key, value=value)
                for key, value in tags.items()
            ],
        ),
        parameters={"scope": "all", "duration": DURATION},
    )


def _cut_replica(place: Place) -> _Fault:
    return _Fault(
        action_id=PAUSE_TABLE,
        key="Tables",
        target=_exactly("replica", "aws:dynamodb:global-table", place.table_arn),
        parameters={"duration": DURATION},
    )


def _change_writer(place: Place) -> _Fault:
    return _Fault(
        action_id="aws:rds:failover-db-cluster",
        key="Clusters",
        target=_exactly("cluster", "aws:rds:cluster", cluster_arn(place)),
        parameters={},
    )


def _exactly(name: str, kind: str, arn: str) -> FisExperimentTemplateTarget:
    return FisExperimentTemplateTarget(
        name=name, resource_type=kind, selection_mode="ALL", resource_arns=[arn]
    )
