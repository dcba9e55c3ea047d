"""PDR5xx: somebody hears of it."""

from collections.abc import Iterator
from typing import Final

from payment_dr.lint.finding import Observation, Severity, found
from payment_dr.lint.rule import Rule
from payment_dr.lint.subject import Subject

_KINDS: Final = ("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm")


def _silent(subject: Subject) -> Iterator[Observation]:
    used = {
        *subject.plan.referring("aws_route53_health_check", "cloudwatch_alarm_name"),
        *subject.plan.referring("aws_cloudwatch_composite_alarm", "alarm_rule"),
    }
    rules = " ".join(
        one.text("alarm_rule") for one in subject.plan.of("aws_cloudwatch_composite_alarm")
    )
    for alarm in subject.plan.of(*_KINDS):
        name = alarm.text("alarm_name")
        if alarm in used or (name and f'"{name}"' in rules):
            continue
        if alarm.known("actions_enabled") is False:
            yield found(alarm, "has its actions disabled")
        elif not alarm.is_set("alarm_actions"):
            yield found(alarm, "has no alarm_actions")


SILENT: Final = Rule(
    rule_id="PDR501",
    name="alarm-without-action",
    title="Alarm that tells nobody",
    severity=Severity.WARNING,
    why="Replication that stopped, a standby that is not ready: an alarm without an action turns "
    "red on a page that nobody looks at before the failover.",
    looks_at="Metric and composite alarms without alarm_actions or with actions disabled; alarms "
    "that a health check or a composite alarm follows are fine.",
    remedy="Set alarm_actions to a topic of the alarm's own region that somebody is subscribed to.",
    check=_silent,
)

RULES: Final = (SILENT,)
