"""Moves run where the lost region is not: a state machine of this site, started by this site.

Nothing here depends on the other region, for what is lost cannot say that it is lost:

- The watcher of this site sees the other one fail by two signals and starts the machine. That is
  the way a failover goes.
- Should the watcher be dead as well, the rule below starts the machine. It follows an alarm of
  this region, about the other site as it is seen from here: readiness, another function, gets no
  answer from the other site's `/health`, and the zone's name servers, which follow probes from
  all over the world, send clients here; and no watcher has looked for minutes. An alarm in the
  other region would be lost with it, and Route 53 keeps the metrics of its health checks in
  us-east-1 alone.
- A person can start it: `payment-dr failover`.

However it was started, the move's own gates decide whether it opens.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cdktn_provider_aws.cloudwatch_event_rule import CloudwatchEventRule
from cdktn_provider_aws.cloudwatch_event_target import (
    CloudwatchEventTarget,
    CloudwatchEventTargetDeadLetterConfig,
    CloudwatchEventTargetInputTransformer,
    CloudwatchEventTargetRetryPolicy,
)
from cdktn_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktn_provider_aws.iam_role import IamRole
from cdktn_provider_aws.iam_role_policy import IamRolePolicy
from cdktn_provider_aws.sfn_state_machine import (
    SfnStateMachine,
    SfnStateMachineEncryptionConfiguration,
    SfnStateMachineLoggingConfiguration,
    SfnStateMachineTracingConfiguration,
)
from constructs import Construct

from payment_dr.infra.constructs.policies import PolicyStatement, from_account, policy, trust
from payment_dr.infra.permission_parts import trace, use_key
from payment_dr.infra.permissions_of_recovery import start_move, state_machine_arn
from payment_dr.infra.place import Place

_KEY_REUSE_S: Final = 300

_START_AGE_S: Final = 300
"""An alarm of five minutes ago starts nothing: it may be over."""
_START_ATTEMPTS: Final = 10

_DELIVERY: Final = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecoveryProps:
    """What runs a move and what starts it.

    Attributes:
        definition: of the machine, as `recovery.state_machine` makes it.
        start_paths: what the machine's input takes from the alarm's event, by name.
        start_template: the input, with these names in angle brackets.
        function_arn: alias of the function `recovery`, the only one that the machine calls.
        alarm_name: of the alarm about the other site.
        data_key_arn: for what executions keep.
        logs_key_arn: for their log.
        dead_letters_arn: queue of starts that failed.
    """

    place: Place
    definition: Mapping[str, Any]
    start_paths: Mapping[str, str]
    start_template: str
    function_arn: str
    alarm_name: str
    data_key_arn: str
    logs_key_arn: str
    dead_letters_arn: str


class SiteRecovery(Construct):
    """The machine and the rule that starts it.

    Attributes:
        state_machine_arn: for those who start it by hand.
    """

    def __init__(self, scope: Construct, construct_id: str, props: RecoveryProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        machine = self._machine()
        self._rule(machine)
        self.state_machine_arn: str = machine.arn

    def _machine(self) -> SfnStateMachine:
        props, place = self._props, self._props.place
        group = CloudwatchLogGroup(
            self,
            "logs",
            name=f"/aws/vendedlogs/states/{place.name('recovery')}",
            retention_in_days=place.settings.deployment.log_retention_days,
            kms_key_id=props.logs_key_arn,
        )
        role = self._role(
            "machine",
            "states.amazonaws.com",
            state_machine_arn(place),
            _machine_key(place, props.data_key_arn),
            PolicyStatement(
                sid="RunSteps", actions=("lambda:InvokeFunction",), resources=(props.function_arn,)
            ),
            PolicyStatement(sid="DeliverLogs", actions=_DELIVERY, resources=("*",)),
            trace(),
        )
        return SfnStateMachine(
            self,
            "machine",
            name=place.name("recovery"),
            type="STANDARD",
            role_arn=role.arn,
            definition=json.dumps(props.definition),
            # Each transition, without what it carried: that is in the run log and in the traces.
            logging_configuration=SfnStateMachineLoggingConfiguration(
                level="ALL", include_execution_data=False, log_destination=f"{group.arn}:*"
            ),
            tracing_configuration=SfnStateMachineTracingConfiguration(enabled=True),
            encryption_configuration=SfnStateMachineEncryptionConfiguration(
                type="CUSTOMER_MANAGED_KMS_KEY",
                kms_key_id=props.data_key_arn,
                kms_data_key_reuse_period_seconds=_KEY_REUSE_S,
            ),
        )

    def _rule(self, machine: SfnStateMachine) -> None:
        props, place = self._props, self._props.place
        rule = CloudwatchEventRule(
            self,
            "rule",
            name=place.name("start-recovery"),
            description=f"{place.peer.name} is lost and no watcher of {place.site.name} looks",
            # Where only people decide, the machine is started by them alone.
            state="ENABLED" if place.settings.failover.automatic else "DISABLED",
            event_pattern=json.dumps(
                {
                    "source": ["aws.cloudwatch"],
                    "detail-type": ["CloudWatch Alarm State Change"],
                    "resources": [place.arn("cloudwatch", f"alarm:{props.alarm_name}")],
                    "detail": {"state": {"value": ["ALARM"]}},
                }
            ),
        )
        role = self._role(
            "start-recovery",
            "events.amazonaws.com",
            place.arn("events", f"rule/{place.name('start-recovery')}"),
            (use_key("StateMachinesKey", props.data_key_arn, "states", place),),
            *start_move(place),
        )
        CloudwatchEventTarget(
            self,
            "target",
            rule=rule.name,
            target_id="recovery",
            arn=machine.arn,
            role_arn=role.arn,
            input_transformer=CloudwatchEventTargetInputTransformer(
                input_paths=dict(props.start_paths), input_template=props.start_template
            ),
            retry_policy=CloudwatchEventTargetRetryPolicy(
                maximum_event_age_in_seconds=_START_AGE_S, maximum_retry_attempts=_START_ATTEMPTS
            ),
            dead_letter_config=CloudwatchEventTargetDeadLetterConfig(arn=props.dead_letters_arn),
        )

    def _role(
        self,
        thing: str,
        service: str,
        source_arn: str,
        keys: tuple[PolicyStatement, ...],
        *calls: PolicyStatement,
    ) -> IamRole:
        """A role of one service, for one thing of this site."""
        place = self._props.place
        role = IamRole(
            self,
            f"{thing}-role",
            name=place.name(thing),
            description=f"Recovery of {place.site.name}, for {service}",
            assume_role_policy=trust(
                service, from_account(place.settings.deployment.account_id, source_arn)
            ),
        )
        for name, text in {"calls": policy(*calls), "keys": policy(*keys)}.items():
            IamRolePolicy(self, f"{thing}-{name}", name=name, role=role.name, policy=text)
        return role


def _machine_key(place: Place, key_arn: str) -> tuple[PolicyStatement, ...]:
    """What a machine with a key of ours needs for its executions, and for their encrypted log.

    https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
    """
    return (
        PolicyStatement(
            sid="Executions",
            actions=("kms:Decrypt", "kms:GenerateDataKey"),
            resources=(key_arn,),
            conditions={
                "StringEquals": {
                    "kms:EncryptionContext:aws:states:stateMachineArn": state_machine_arn(place)
                }
            },
        ),
        PolicyStatement(
            sid="DeliveredLogs",
            actions=("kms:GenerateDataKey",),
            resources=(key_arn,),
            conditions={
                "StringEquals": {"kms:EncryptionContext:SourceArn": place.arn("logs", "*")}
            },
        ),
    )
