"""A failover by the state machine against the same by the command line, after the loss of a site.

Each is a lab of its own: payments are taken, the home site is lost, and `payment-dr failover` is
run as a process, once with the steps in the state machine of the surviving site and once with
`--here`; they take turns. A time is that of the whole command, from its start to its last word.

Run as `python benchmarks/state_machine.py`. Nothing else may run beside it.
"""

import argparse
import json
import subprocess
import sys
import time
import uuid
from typing import Final

import urllib3

from common import Result, emit, median, say
from payment_dr.adapters.settings_file import example
from payment_dr.core.settings import Orchestrator, Settings
from payment_dr.lab.supervisor import Lab, default_schedules

GOAL_S: Final = 1.0
PAYMENTS: Final = 50
TIMEOUT_S: Final = 120
WATCHER: Final = "payment_dr.functions.watcher:handler"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    machine: list[float] = []
    line: list[float] = []
    for number in range(given.runs):
        machine.append(failover(here=False))
        line.append(failover(here=True))
        say(f"run {number + 1}: state machine {machine[-1]:.2f} s, here {line[-1]:.2f} s")
    slower = [one - other for one, other in zip(machine, line, strict=True)]
    detail = {
        "slower_by_s": [round(one, 2) for one in slower],
        "slower_by_s_median": round(median(slower), 2),
        "goal_s": GOAL_S,
        "reached": median(slower) <= GOAL_S,
    }
    emit(Result(name="failover by the state machine", unit="s", runs=tuple(machine), detail=detail))
    emit(Result(name="failover by the command line", unit="s", runs=tuple(line)))


def failover(*, here: bool) -> float:
    """Seconds of the command in a new lab whose home site was just lost."""
    settings = chosen()
    # Nobody else may open the move.
    schedules = {name: s for name, s in default_schedules(settings).items() if name != WATCHER}
    with Lab(settings, schedules=schedules) as lab:
        take_payments(lab)
        home = settings.home
        to = settings.peer(home).name
        lab.kill_site(home)
        command = [
            *(sys.executable, "-m", "payment_dr", "failover", "--lab", str(lab.directory)),
            *("--to", to, "--yes-move-to", to, "--reason", "benchmark"),
            *(("--here",) if here else ()),
        ]
        begun = time.perf_counter()
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        took = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"the failover failed:\n{done.stderr[-2000:]}")
    return took


def chosen() -> Settings:
    """Of the usual lab, with a state machine and without a cool-down."""
    usual = example("development")
    changes = {"orchestrator": Orchestrator.STATE_MACHINE, "min_stay_s": 0}
    return usual.model_copy(update={"failover": usual.failover.model_copy(update=changes)})


def take_payments(lab: Lab) -> None:
    """Some to reconcile."""
    addresses = lab.addresses
    url = f"http://{addresses.link_address[lab.settings.home]}:{addresses.api_port}/v1/payments"
    key = next(iter(lab.merchant_keys.values()))
    body = {"amount": 1250, "currency": "EUR", "capture": True, "payment_method": "pm_card_visa"}
    for _ in range(PAYMENTS):
        headers = {
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "idempotency-key": str(uuid.uuid4()),
        }
        answer = urllib3.request("POST", url, body=json.dumps(body), headers=headers, timeout=10)
        assert answer.status == 201


if __name__ == "__main__":
    main()
