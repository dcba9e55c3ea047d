"""Running an engine: its events, its end, its interruption; with an engine that plays a script."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fakes.engine import Take, calls, complaint, engine, hook, play
from payment_dr.infra import engine_keeper, engine_run
from payment_dr.infra.engine_events import Began, Event, Failed, Said, Stopping
from payment_dr.infra.engine_run import Ended, EngineError, InterruptedRunError, read, run
from payment_dr.infra.engine_stack import EngineStack, ignore

KEEPER = [sys.executable, "-m", engine_keeper.__name__]
STUBBORN = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("ready", flush=True)
signal.pause()
"""


def apply(tmp_path: Path, take: Take, listen: engine_run.Listener = ignore) -> Ended:
    play(tmp_path / "west", apply=take)
    return run(engine(tmp_path / "bin"), tmp_path / "west", ["apply", "-json"], listen=listen)


def test_every_event_is_heard_in_order(tmp_path: Path) -> None:
    heard: list[Event] = []
    lines = (hook("apply_start", "a.b"), hook("apply_errored", "a.b", seconds=2), "no JSON", "")
    ended = apply(tmp_path, Take(lines=lines, code=1), heard.append)
    assert heard == [
        Began(address="a.b", action="create"),
        Failed(address="a.b", action="create", elapsed_s=2),
        Said(text="no JSON"),
        Said(text=""),
    ]
    assert (ended.code, ended.failed, ended.interrupted) == (1, ("a.b",), False)


def test_the_engines_own_errors_are_told(tmp_path: Path) -> None:
    lines = (
        complaint("deprecated", severity="warning"),
        complaint("creating the cluster", "AccessDenied", address="aws_rds_cluster.a"),
        hook("apply_progress", "a.b", seconds=10),
        hook("apply_complete", "a.b", seconds=12),
    )
    error = apply(tmp_path, Take(lines=lines, code=1)).error("apply of west")
    assert str(error).startswith(
        "apply of west failed:\n  aws_rds_cluster.a: creating the cluster\n  AccessDenied\n  next: "
    )
    assert [d.summary for d in error.diagnostics] == ["creating the cluster"]


def test_without_an_error_its_last_words_are_told(tmp_path: Path) -> None:
    crash = apply(tmp_path, Take(lines=tuple(f"line {n}" for n in range(50)), code=2))
    text = str(crash.error("apply of west"))
    assert "line 29" not in text
    assert text.endswith("  line 48\n  line 49")
    assert "exit code 3" in str(apply(tmp_path, Take(code=3)).error("apply of west"))


def test_an_interruption_reaches_the_engine_once_and_is_awaited(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    heard: list[Event] = []

    def press(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Began):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)

    take = Take(lines=(hook("apply_start", "a.b"),), until_interrupted=True, code=1)
    ended = apply(tmp_path, take, press)
    assert [call["interrupts"] for call in calls(tmp_path / "west")] == [1]
    assert ended.interrupted
    assert heard[1:] == [Stopping(), Said(text="halted")]
    assert isinstance(ended.error("apply of west"), InterruptedRunError)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupted_run_that_ends_well_is_still_interrupted(tmp_path: Path) -> None:
    def press(event: Event) -> None:
        if isinstance(event, Began):
            signal.raise_signal(signal.SIGINT)

    take = Take(lines=(hook("apply_start", "a.b"),), until_interrupted=True)
    play(tmp_path / "west", init=take)
    stack = EngineStack(
        engine=engine(tmp_path / "bin"), name="west", directory=tmp_path / "west", listen=press
    )
    with pytest.raises(InterruptedRunError, match="init of west was interrupted"):
        stack.initialise()


def test_an_engine_started_where_interrupts_are_ignored_hears_them(tmp_path: Path) -> None:
    # As in a background job of a shell.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:

        def press(event: Event) -> None:
            if isinstance(event, Began):
                os.kill(os.getpid(), signal.SIGINT)

        take = Take(lines=(hook("apply_start", "a.b"),), until_interrupted=True)
        assert apply(tmp_path, take, press).interrupted
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_listener_that_fails_stops_the_engine_before_it_is_raised(tmp_path: Path) -> None:
    def fail(event: Event) -> None:
        raise OSError(f"the terminal is gone at {event}")

    take = Take(lines=("first",), until_interrupted=True)
    with pytest.raises(OSError, match="gone at Said"):
        apply(tmp_path, take, fail)
    assert calls(tmp_path / "west")[0]["interrupts"] == 1


def test_outside_the_main_thread_it_runs_without_taking_signals(tmp_path: Path) -> None:
    ended: list[Ended] = []
    thread = threading.Thread(target=lambda: ended.append(apply(tmp_path, Take())))
    thread.start()
    thread.join()
    assert ended[0].code == 0


def test_after_the_longest_time_it_is_interrupted_and_says_so(tmp_path: Path) -> None:
    play(tmp_path / "west", apply=Take(until_interrupted=True, code=1))
    ended = run(
        engine(tmp_path / "bin"), tmp_path / "west", ["apply"], listen=ignore, longest_s=0.5
    )
    assert "still at work after 0.5 s" in str(ended.error("apply"))


def test_an_engine_that_does_not_end_when_interrupted_is_killed_at_last() -> None:
    with subprocess.Popen(
        [*KEEPER, "60", "0.1", sys.executable, "-c", STUBBORN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdin is not None
        assert keeper.stdout.readline() == "ready\n"
        keeper.stdin.close()
        assert "killed, see its state" in keeper.stdout.read()
    assert keeper.returncode == 128 + signal.SIGKILL


def test_when_the_command_is_gone_the_engine_ends_in_good_order(tmp_path: Path) -> None:
    lines = tuple(f"line {number}" for number in range(5))
    play(tmp_path / "west", apply=Take(lines=lines, until_interrupted=True))
    line = [*engine(tmp_path / "bin").command, f"-chdir={tmp_path / 'west'}", "apply"]
    with subprocess.Popen(
        [*KEEPER, "60", "60", *line], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdin is not None
        keeper.stdout.readline()
        keeper.stdout.close()  # what SIGKILL of the command does to both
        keeper.stdin.close()
        assert keeper.wait(60) == 0
    assert calls(tmp_path / "west")[0]["interrupts"] == 1


def test_what_only_reads_gives_its_output_or_its_error(tmp_path: Path) -> None:
    fake = engine(tmp_path / "bin")
    play(tmp_path / "west", show=(Take(lines=("{}",)), Take(code=1, errors="no such plan")))
    assert read(fake, tmp_path / "west", ["show"]) == b"{}\n"
    with pytest.raises(EngineError, match="tofu show in west failed:\nno such plan"):
        read(fake, tmp_path / "west", ["show"])


def test_what_only_reads_has_a_longest_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_run, "READ_S", 0.2)
    play(tmp_path / "west", show=Take(until_interrupted=True))
    with pytest.raises(EngineError, match=r"no answer in 0\.2 s"):
        read(engine(tmp_path / "bin"), tmp_path / "west", ["show"])
