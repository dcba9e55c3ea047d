"""Runs one drill: lab up, load, steps of the scenario, settle, collect, judge, report.

Whatever happens, nothing of the lab is left; what had been recorded until then stays in the run's
directory, logs included.
"""

import os
import platform
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from payment_dr.adapters import evidence_files
from payment_dr.checks.evidence import SourceName
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.lab.commit import commit_of_code
from payment_dr.lab.drill.collect import Collected, collect
from payment_dr.lab.drill.design import SETUPS, Design, Truth
from payment_dr.lab.drill.load_process import LoadProcess
from payment_dr.lab.drill.observer import Observer, View
from payment_dr.lab.drill.operator import move_by_command_line
from payment_dr.lab.drill.script import Script
from payment_dr.lab.events import EventLog
from payment_dr.lab.scenario import Scenario
from payment_dr.lab.supervisor import API_HANDLER, Lab

_POLL_S: Final = 0.1
_NAMES_MAX: Final = 100
_SEED_BITS: Final = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What to run. `reports` is the directory in which the run gets one of its own."""

    scenario: Scenario
    design: Design
    seed: int
    settings: Settings
    reports: Path


def new_seed() -> int:
    """A seed that nobody chose."""
    return secrets.randbits(_SEED_BITS)


def run_drill(order: Order, view: View) -> Path:
    """Run it and write its evidence; judging it is `drill.verdict`.

    Returns:
        The run's directory.

    Raises:
        PaymentDrError: the lab did not start, a step did not come about, or evidence is missing.
    """
    directory = new_directory(order)
    setup = SETUPS[order.design]
    custom = order.scenario.api_handler
    lab = Lab(
        order.settings,
        api_handler=setup.api_handler if custom == API_HANDLER else custom,
        schedules=setup.schedules(order.settings),
        progress=view.event,
    )
    try:
        with lab:
            try:
                setup.prepare(lab)
                _Run(order, lab, setup.truth(lab), directory).play(view)
            finally:
                with suppress(OSError):
                    shutil.copytree(lab.directory / "logs", directory / "logs", dirs_exist_ok=True)
    except PaymentDrError as error:
        raise _with_logs(error, directory) from error
    return directory


def _with_logs(error: PaymentDrError, directory: Path) -> PaymentDrError:
    """The error, saying where the logs are; a lab that did not start has told its last words."""
    logs = directory / "logs"
    if logs.is_dir():
        return PaymentDrError(error.what, remedy=f"read {logs}; {error.remedy}")
    directory.rmdir()
    return error


class _Run:
    """One drill in a running lab."""

    def __init__(self, order: Order, lab: Lab, truth: Truth, directory: Path) -> None:
        self._order = order
        self._lab = lab
        self._truth = truth
        self._directory = directory
        self._history = directory / SourceName.HISTORY

    def play(self, view: View) -> None:
        """Load, faults, settling and evidence."""
        scenario, lab = self._order.scenario, self._lab
        events_directory = lab.directory / "events"
        # The observer asks by itself: a region that has just died must not hold up the script.
        watched = SETUPS[self._order.design].truth(lab)
        with EventLog(events_directory / "drill.jsonl") as events:
            load = LoadProcess.start(lab, scenario, seed=self._order.seed, history=self._history)
            with Observer(
                view, history=self._history, events=events_directory, truth=watched
            ) as observer:
                observer.phase = "under load"
                Script(
                    settings=self._order.settings,
                    sites=lab,
                    truth=self._truth,
                    events=events,
                    move=lambda kind, site, within_s: move_by_command_line(
                        lab, kind, site, within_s=within_s
                    ),
                    wait=load.wait,
                ).play(scenario.steps)
                load.wait(scenario.tail_s)
                observer.phase = "settling"
                events.write("load-stopped")
                load.stop(scenario.settle_s)
                done = settled(self._truth, self._standby_back, within_s=scenario.settle_s)
                events.write("settled", None, settled=done)
                observer.phase = "collecting evidence"
                collected = collect(lab, self._truth, self._directory)
        self._write_run(collected)

    def _standby_back(self) -> bool:
        ledger = self._lab.status()["ledger"]
        return len(ledger["alive"]) > 1 and not ledger["stale"]

    def _write_run(self, collected: Collected) -> None:
        order = self._order
        events = evidence_files.read_events(self._directory)
        fault = next((e.time_ns for e in events if e.name == "fault"), None)
        history = self._history.read_bytes().count(b"\n")
        evidence_files.write_run(
            self._directory,
            {
                "scenario": order.scenario.name,
                "summary": order.scenario.summary,
                "design": order.design.value,
                "seed": order.seed,
                "ledger_sites": collected.ledger_sites,
                "standby_back": len(collected.ledger_sites) > 1,
                "fault_ns": fault,
                "offered_per_s": order.scenario.load.rate_per_s,
                "rows": {SourceName.HISTORY: history, **collected.rows},
                "must_break": order.scenario.must_break,
                "start_seconds": dict(self._lab.start_seconds),
                "environment": environment_of(self._lab),
                "settings": order.settings.model_dump(mode="json"),
            },
        )


def settled(truth: Truth, standby_back: Callable[[], bool], *, within_s: float) -> bool:
    """Wait until nothing is in flight and, with a standby back, all is confirmed.

    False when that did not come about in time: the checker then finds what is still open.
    """
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with suppress(UnavailableError):
            waiting = standby_back() and truth.unconfirmed()
            if not waiting and not truth.open_operations():
                return True
        time.sleep(_POLL_S)
    return False


def environment_of(lab: Lab) -> Mapping[str, Any]:
    """The machine and versions that the figures belong to."""
    with lab.connect(SiteName(lab.status()["ledger"]["writer"])) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "postgresql": None if row is None else row[0],
        "commit": commit_of_code(),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
    }


def new_directory(order: Order) -> Path:
    """Make a run's directory, named by time, scenario and, if it is not ours, design.

    Raises:
        PaymentDrError: it cannot be made.
    """
    now = datetime.fromtimestamp(time.time(), UTC).strftime("%Y%m%dT%H%M%SZ")
    suffix = "" if order.design is Design.RECORD_FIRST else f"-{order.design}"
    name = f"{now}-{order.scenario.name}{suffix}"
    try:
        order.reports.mkdir(parents=True, exist_ok=True)
        for number in range(1, _NAMES_MAX):
            directory = order.reports / (name if number == 1 else f"{name}-{number}")
            with suppress(FileExistsError):
                directory.mkdir()
                return directory
    except OSError as error:
        raise PaymentDrError(
            f"{order.reports} cannot hold reports: {error.strerror}",
            remedy="name another directory with --reports",
        ) from error
    raise PaymentDrError(f"{order.reports} has {_NAMES_MAX} runs of this second already")
