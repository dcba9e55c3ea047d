"""`payment-dr lab alarms`: the alarms of a running lab, as CloudWatch would show them."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Annotated, Any, Final

import typer

from payment_dr.lab.directory import LabDirectory, read_settings
from payment_dr.lab.errors import LabError
from payment_dr.lab.registry import DEFAULT_NAME, LabRecord, user_registry

EPILOG: Final = "Example: payment-dr lab alarms --all"
_SCALE_MIN, _SCALE_MAX = 1.0, 3600.0


def alarms(
    name: Annotated[str, typer.Option(help="Name of the lab.")] = DEFAULT_NAME,
    every: Annotated[bool, typer.Option("--all", help="Show those that are well too.")] = False,
    messages: Annotated[
        bool, typer.Option("--messages", help="Print what people would have been told so far.")
    ] = False,
    scale: Annotated[
        float,
        typer.Option(
            min=_SCALE_MIN,
            max=_SCALE_MAX,
            help="Seconds of AWS in one of the lab: with 60 a period of a minute is one second.",
        ),
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show which alarms a lab would have raised on AWS, since when, why, and what to do.

    The alarms are those that are deployed, evaluated by CloudWatch's rules over the lab's logs.
    Times are scaled, since the lab's functions run each second and those on AWS each minute. What
    no lab runs or measures, such as readiness or proxies, is silent.
    """
    record = user_registry().get(name)
    if record is None or not record.alive:
        raise LabError(f"no lab named {name!r} runs", remedy=f"payment-dr lab up --name {name}")
    found = _Found(record, scale)
    if as_json:
        lines = [json.dumps({"scale": scale, "alarms": list(found.documents())}, indent=2)]
    elif messages:
        lines = list(found.messages())
    else:
        lines = list(found.table(every=every))
    sys.stdout.write("".join(f"{line}\n" for line in lines))


class _Found:
    """What a look at a lab found."""

    def __init__(self, record: LabRecord, scale: float) -> None:
        # Only this command needs the definitions of what is deployed.
        collector: Any = import_module("payment_dr.lab.alarms.collector")
        definitions: Any = import_module("payment_dr.lab.alarms.definitions")
        self._message: Any = import_module("payment_dr.lab.alarms.message")
        place = LabDirectory(root=record.directory)
        self._settings = read_settings(record.directory)
        self._where = collector.where
        self._clockwork = collector.Clockwork(begun_s=begun_s(place), scale=scale)
        self._shown = collector.shown(
            definitions.alarms_of_lab(self._settings),
            collector.lines(place.logs),
            self._clockwork,
            time.time(),
        )

    def documents(self) -> Iterator[dict[str, Any]]:
        """Each alarm, for programs."""
        for status in self._shown.board.statuses:
            yield {
                "alarm": status.alarm.name,
                "where": self._where(self._settings, status.alarm.name),
                "state": status.state,
                "since": self._time(status.since_s).isoformat(timespec="seconds"),
                "reason": status.reason,
                "runbook": self._message.runbook(status.alarm.description),
            }

    def table(self, *, every: bool) -> Iterator[str]:
        """Each alarm that is raised, or all, for people."""
        documents = list(self.documents())
        for one in documents:
            if every or one["state"] == "ALARM":
                yield f"{one['state']:17} {one['alarm']}, since {one['since'][11:19]} UTC"
                yield f"  {one['reason']}"
                yield f"  {one['runbook']}"
        count = Counter(one["state"] for one in documents)
        yield (
            f"{count['ALARM']} raised, {count['OK']} well, "
            f"{count['INSUFFICIENT_DATA']} not known yet; "
            f"1 s of the lab counts as {self._clockwork.scale:g} s of AWS"
        )

    def messages(self) -> Iterator[str]:
        """What the topics would have told, oldest first."""
        for change in self._shown.changes:
            status = change.status
            # Nobody is told that an alarm has begun to be well.
            if status.state == "ALARM" or change.before == "ALARM":
                made = self._message.message(
                    change,
                    where=self._where(self._settings, status.alarm.name),
                    at_s=self._clockwork.unix_s(status.since_s),
                )
                yield f"{made.subject}\n{made.body}\n"

    def _time(self, aws_s: float) -> datetime:
        return datetime.fromtimestamp(self._clockwork.unix_s(aws_s), UTC)


def begun_s(place: LabDirectory) -> float:
    """When a lab's functions began, or the lab itself if they have not; Unix seconds."""
    mark = place.resources_ready
    return (mark if mark.exists() else place.root / "settings.json").stat().st_mtime
