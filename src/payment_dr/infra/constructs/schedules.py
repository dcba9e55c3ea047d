"""What calls the functions of a site: the scheduler of its own region, and at home the rotation.

The rotation of the shared secrets stands where these were made: a replica of a secret cannot be
rotated. Both sites have the function, so the surviving one can go on once its replica was made a
secret of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from cdktn_provider_aws.iam_role import IamRole
from cdktn_provider_aws.iam_role_policy import IamRolePolicy
from cdktn_provider_aws.lambda_permission import LambdaPermission
from cdktn_provider_aws.scheduler_schedule import (
    SchedulerSchedule,
    SchedulerScheduleFlexibleTimeWindow,
    SchedulerScheduleTarget,
    SchedulerScheduleTargetDeadLetterConfig,
    SchedulerScheduleTargetRetryPolicy,
)
from cdktn_provider_aws.scheduler_schedule_group import SchedulerScheduleGroup
from cdktn_provider_aws.secretsmanager_secret_rotation import (
    SecretsmanagerSecretRotation,
    SecretsmanagerSecretRotationRotationRules,
)
from constructs import Construct

from payment_dr.adapters.function_call import ALIAS
from payment_dr.functions.catalogue import FUNCTIONS, Every, Function
from payment_dr.infra.constructs.policies import PolicyStatement, from_account, policy, trust
from payment_dr.infra.permission_parts import send_dead_letters, use_key
from payment_dr.infra.permissions import ROTATED_SECRETS
from payment_dr.infra.place import Place

ROTATION_DAYS: Final = 30
"""Age at which a secret of the ledger is renewed."""

EVENTS: Final[Mapping[str, Mapping[str, object]]] = {
    "watcher": {"for_s": 58},
    "webhooks": {"for_s": 45},
}
"""What a function is called with; {} if it is not here. These two go on until the next call."""

_CALL_AGE_S: Final = 60
"""A call that cannot be delivered is given up after this, the shortest that there is: the next
one is due then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SchedulesProps:
    """Functions by their ARNs.

    Attributes:
        aliases: ARN of the alias by function, of everything in the catalogue that has a schedule.
        rotation_arn: the function `rotation`, without alias.
        dead_letters_arn: queue of calls that could not be delivered.
        messages_key_arn: key of that queue.
    """

    place: Place
    aliases: Mapping[str, str]
    rotation_arn: str
    dead_letters_arn: str
    messages_key_arn: str


class SiteSchedules(Construct):
    """A schedule for each function that has one, and at home the rotation of secrets."""

    def __init__(self, scope: Construct, construct_id: str, props: SchedulesProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        group = SchedulerScheduleGroup(self, "group", name=props.place.name("schedules"))
        role = self._role()
        for function in FUNCTIONS:
            if function.every is not None:
                self._schedule(function, expression(function.every), group, role)
        # A rotation is allowed at both sites, set up where the secrets were made.
        LambdaPermission(
            self,
            "rotation-permission",
            statement_id="SecretsManager",
            action="lambda:InvokeFunction",
            function_name=props.rotation_arn,
            principal="secretsmanager.amazonaws.com",
            source_account=props.place.settings.deployment.account_id,
        )
        if props.place.is_home:
            self._rotations()

    def _schedule(
        self, function: Function, when: str, group: SchedulerScheduleGroup, role: IamRole
    ) -> None:
        props = self._props
        SchedulerSchedule(
            self,
            function.name,
            name=props.place.name(function.name),
            description=function.purpose,
            group_name=group.name,
            schedule_expression=when,
            schedule_expression_timezone="UTC",
            flexible_time_window=SchedulerScheduleFlexibleTimeWindow(mode="OFF"),
            state="ENABLED",
            target=SchedulerScheduleTarget(
                arn=props.aliases[function.name],
                role_arn=role.arn,
                input=json.dumps(EVENTS.get(function.name, {})),
                retry_policy=SchedulerScheduleTargetRetryPolicy(
                    maximum_event_age_in_seconds=_CALL_AGE_S, maximum_retry_attempts=2
                ),
                dead_letter_config=SchedulerScheduleTargetDeadLetterConfig(
                    arn=props.dead_letters_arn
                ),
            ),
        )

    def _role(self) -> IamRole:
        place = self._props.place
        role = IamRole(
            self,
            "role",
            name=place.name("schedules"),
            description=f"Calls the scheduled functions of {place.site.name}",
            assume_role_policy=trust(
                "scheduler.amazonaws.com",
                from_account(
                    place.settings.deployment.account_id,
                    place.arn("scheduler", f"schedule-group/{place.name('schedules')}"),
                ),
            ),
        )
        calls = PolicyStatement(
            sid="CallFunctions",
            actions=("lambda:InvokeFunction",),
            resources=tuple(
                place.arn("lambda", f"function:{place.name(function.name)}:{ALIAS}")
                for function in FUNCTIONS
                if function.every is not None
            ),
        )
        texts = {
            "calls": policy(calls, send_dead_letters(place)),
            "keys": policy(use_key("QueuesKey", self._props.messages_key_arn, "sqs", place)),
        }
        for name, text in texts.items():
            IamRolePolicy(self, name, name=name, role=role.name, policy=text)
        return role

    def _rotations(self) -> None:
        for thing in ROTATED_SECRETS:
            SecretsmanagerSecretRotation(
                self,
                f"rotation-{thing}",
                secret_id=self._props.place.shared(thing),
                rotation_lambda_arn=self._props.rotation_arn,
                # At the first deployment the ledger has no users yet whose password could change.
                rotate_immediately=False,
                rotation_rules=SecretsmanagerSecretRotationRotationRules(
                    automatically_after_days=ROTATION_DAYS
                ),
            )


def expression(every: Every) -> str:
    """When the scheduler calls."""
    match every:
        case Every.MINUTE:
            return "rate(1 minute)"
        case Every.FIVE_MINUTES:
            return "rate(5 minutes)"
        case unreachable:
            assert_never(unreachable)
