"""Alarms over a running lab: quiet in health, and raised by faults that are made for real.

One lab, in which the faults overlap so that it takes little time; a period of a minute is one
second of it. At the end the alarms of these faults have been raised, and no others.
"""

import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.lab.alarms.collector import Clockwork, Shown, lines, shown
from payment_dr.lab.alarms.definitions import alarms_of_lab
from payment_dr.lab.alarms.model import State
from payment_dr.lab.alarms.sampler import sampling
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.supervisor import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

SETTINGS: Final = example("development")
ALARMS: Final = alarms_of_lab(SETTINGS)
HEALTH_S: Final = 4.0
LOOK_S: Final = 1.5
PATIENCE_S: Final = 40.0
RATE_PER_S: Final = 30

LAGGING: Final = (
    "unconfirmed-age-east",
    *(f"ledger-{kind}-lag-west" for kind in ("rpo", "replication", "progress")),
)
GONE: Final = (
    "api-errors-east",
    "site-unhealthy-east",
    "poster-silent-east",
    "watcher-silent-east",
    "ledger-cpu-west",
    "poster-silent-west",
    "errors-poster-west",
    "errors-confirmer-west",
    "errors-sweeper-west",
    "errors-webhooks-west",
    "site-unhealthy-west",
    # No lab judges readiness by itself.
    "readiness-absent-east",
    "readiness-absent-west",
)
THEREFORE: Final = frozenset(
    {
        # Who still asks the isolated site gets 503, and clients that were refused come again.
        "api-errors-west",
        "throttles-api-east",
        "api-latency-east",
    }
)


class Watch:
    """What has been raised in a lab."""

    def __init__(self, lab: Lab) -> None:
        place = LabDirectory(root=lab.directory)
        self._logs = place.logs
        self._clockwork = Clockwork(begun_s=place.resources_ready.stat().st_mtime)

    def shown(self) -> Shown:
        return shown(ALARMS, lines(self._logs), self._clockwork, time.time())

    def raised(self) -> set[str]:
        """Every alarm that has been raised so far, without the parts that all names have."""
        return {
            one.status.alarm.name.removeprefix("payments-").removesuffix("-dev")
            for one in self.shown().changes
            if one.status.state is State.ALARM
        }

    def until(self, wanted: Sequence[str], *, soonest_s: float) -> None:
        """Wait for all of them; a look reads all logs, so none is made before it could be."""
        deadline = time.monotonic() + PATIENCE_S
        time.sleep(soonest_s)
        while not set(wanted) <= (raised := self.raised()):
            assert time.monotonic() < deadline, f"not raised: {sorted(set(wanted) - raised)}"
            time.sleep(LOOK_S)


def load(lab: Lab, directory: Path) -> None:
    """Payments, until the lab ends."""
    keys = {merchant: key for merchant, key in lab.merchant_keys.items() if merchant != "canary"}
    plan = {"rate_per_s": RATE_PER_S, "seed": 1, "keys": keys, "settle_s": 1}
    path = lab.directory / "load.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        json.dump(plan, file)
    history = directory / "history.jsonl"
    lab.start_module("load", "payment_dr.lab.load", "--plan", path, "--history", history)


def test_alarms_are_quiet_in_health_and_raised_by_their_faults_alone(tmp_path: Path) -> None:
    with Lab(SETTINGS) as lab, sampling(lab):
        load(lab, tmp_path)
        watch = Watch(lab)
        time.sleep(HEALTH_S)
        assert watch.raised() == set()

        lab.set_link("pg:west->east", mode="blackhole")
        watch.until(LAGGING, soonest_s=15)

        lab.set_link("east->provider", mode="refuse")
        lab.isolate("west", isolated=True)
        lab.kill_database("west")
        os.kill(lab.status()["pids"]["jobs-east"], signal.SIGKILL)
        watch.until(GONE, soonest_s=8)

        assert watch.raised() - THEREFORE == {*LAGGING, *GONE}
