"""What a person reads at night when an alarm changes: what, where, since, why, first, then.

CloudWatch words its own e-mails and takes from us the alarm's name and its description alone; so
all that this text says, but for times and datapoints, comes from these two.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from payment_dr.infra.alarm import FIRST, THEN
from payment_dr.lab.alarms.board import Change
from payment_dr.lab.alarms.model import State

SUBJECT_MAX: Final = 100
"""Characters that SNS takes as a subject.
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

_DESCRIPTION: Final = re.compile(
    rf"\[(?P<severity>\w+)\] (?P<what>.+?) {FIRST} (?P<first>.+?) {THEN} (?P<then>\S+)$"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message of a topic."""

    subject: str
    body: str


def message(change: Change, *, where: str, at_s: float) -> Message:
    """The message of a change.

    Args:
        change: of an alarm.
        where: site and region.
        at_s: when, Unix seconds.
    """
    status = change.status
    parts = _DESCRIPTION.match(status.alarm.description)
    said = parts.groupdict() if parts else {"what": status.alarm.description}
    over = status.state is not State.ALARM
    word = {State.ALARM: "RAISED", State.OK: "over", State.INSUFFICIENT_DATA: "unknown"}
    subject = f"{word[status.state]}: {status.alarm.name}"
    if "severity" in said:
        subject += f" [{said['severity']}]"
    lines = {
        "What": said["what"],
        "Where": f"{where}, alarm {status.alarm.name}",
        "Since": f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S} UTC",
        "Why": status.reason,
        "First": "nothing, it is over" if over else said.get("first", "read the description"),
        "Then": said.get("then", "-"),
    }
    body = "\n".join(f"{name + ':':7}{text}" for name, text in lines.items())
    return Message(subject=subject[:SUBJECT_MAX], body=body)


def runbook(description: str) -> str | None:
    """The page that a description leads to; None if it names none."""
    parts = _DESCRIPTION.match(description)
    return None if parts is None else parts["then"]
