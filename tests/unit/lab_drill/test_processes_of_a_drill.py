import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from fakes.drill_truth import FakeTruth
from payment_dr.adapters.settings_file import example
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.lab import scenario
from payment_dr.lab.drill import operator
from payment_dr.lab.drill.design import Design
from payment_dr.lab.drill.load_process import LoadProcess
from payment_dr.lab.drill.run import Order, new_directory, settled
from payment_dr.lab.processes import ManagedProcess

if TYPE_CHECKING:
    from payment_dr.lab.supervisor import Lab

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: exit(4))
print("up", flush=True)
time.sleep(60)
"""


def load(tmp_path: Path, code: str) -> LoadProcess:
    log = tmp_path / "load.log"
    with log.open("wb") as output:
        # It is the test that ends it.
        popen = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, "-c", code], stdout=output, stderr=output
        )
    process = ManagedProcess(name="load", popen=popen, log=log, end_signal=signal.SIGTERM)
    return LoadProcess(process=process)


def test_a_load_that_dies_ends_the_drill_with_its_last_words(tmp_path: Path) -> None:
    dying = load(tmp_path, "raise SystemExit('no more requests')")
    with pytest.raises(PaymentDrError, match=r"(?s)status 1.*no more requests"):
        dying.wait(30)


def test_a_load_that_fails_at_its_end_ends_the_drill(tmp_path: Path) -> None:
    failing = load(tmp_path, STUBBORN)
    failing.process.wait_until(lambda: b"up" in failing.process.log.read_bytes(), 20)
    failing.wait(0.1)
    with pytest.raises(PaymentDrError, match="status 4"):
        failing.stop(5)


def test_a_planned_move_that_takes_too_long_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def slow(command: list[str], **options: object) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(subprocess, "run", slow)
    lab = cast("Lab", SimpleNamespace(directory=tmp_path))
    with pytest.raises(PaymentDrError, match="failback to east was not done within 1 s"):
        operator.move_by_command_line(lab, "failback", SiteName("east"), within_s=1)


def test_runs_of_one_second_get_directories_of_their_own_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("payment_dr.lab.drill.run.time.time", lambda: 0.0)
    order = Order(
        scenario=scenario.load("region-loss"),
        design=Design.LEDGER_FIRST,
        seed=1,
        settings=example("development"),
        reports=tmp_path,
    )
    first, second = new_directory(order), new_directory(order)
    assert first.name == "19700101T000000Z-region-loss-ledger-first"
    assert second.name == f"{first.name}-2"
    for number in range(3, 100):
        (tmp_path / f"{first.name}-{number}").mkdir()
    with pytest.raises(PaymentDrError, match="has 100 runs of this second already"):
        new_directory(order)


def test_a_drill_has_settled_when_the_standby_has_confirmed_everything() -> None:
    truth = FakeTruth(waiting=iter([frozenset({"a"}), frozenset()]))
    assert settled(truth, lambda: True, within_s=20)


def test_without_a_standby_nothing_is_waited_for_to_be_confirmed() -> None:
    assert settled(FakeTruth(waiting=iter([])), lambda: False, within_s=20)


def test_a_drill_that_does_not_settle_goes_on_to_its_verdict() -> None:
    truth = FakeTruth(waiting=iter([frozenset({"a"})] * 100))
    assert not settled(truth, lambda: True, within_s=0.05)


def test_a_region_that_does_not_answer_is_asked_again_while_settling() -> None:
    answers = iter([UnavailableError("down"), None])

    def standby_back() -> bool:
        answer = next(answers)
        if answer is not None:
            raise answer
        return False

    assert settled(FakeTruth(), standby_back, within_s=20)
