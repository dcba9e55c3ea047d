"""The load as a process: its end by signal, its summary, its errors, what a crash leaves."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from lab.fake_service import Service, plan_of, service
from lab.wires import run, until
from payment_dr.lab.load.plan import Plan


def written(path: Path, plan: Plan) -> Path:
    path.touch(mode=0o600)
    path.write_text(plan.model_dump_json(), encoding="utf-8")
    return path


async def start(made: Service, plan: Path, history: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "payment_dr.lab.load", "--directory", made.place.directory),
        *("--plan", plan, "--history", history),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def test_sigterm_ends_the_arrivals_and_the_last_line_is_the_summary(tmp_path: Path) -> None:
    plan = written(tmp_path / "plan.json", plan_of(duration_s=None, sample_max=5))
    history = tmp_path / "history.jsonl"

    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            process = await start(made, plan, history)
            await until(lambda: len(made.payments) > 50)
            process.send_signal(signal.SIGTERM)
            out, err = await process.communicate()
            assert process.returncode == 0, err
            summary = json.loads(out.splitlines()[-1])
            assert summary["unknown"] == 0
            assert summary["offered"] >= len(made.payments) > 50
            ends = summary["ok"] + summary["fail"] + summary["info"]
            assert ends == summary["offered"] + summary["asked_again"]
            lines = history.read_text("utf-8").splitlines()
            assert len(lines) == 2 * ends

    run(scene)


def test_a_killed_load_leaves_whole_lines_of_all_but_the_last_moment(tmp_path: Path) -> None:
    plan = written(tmp_path / "plan.json", plan_of(duration_s=None))
    history = tmp_path / "history.jsonl"

    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            process = await start(made, plan, history)
            await until(lambda: len(made.payments) > 50)
            process.kill()
            await process.communicate()
            rows = [json.loads(line) for line in history.read_text("utf-8").splitlines()]
            invoked = {row["key"] for row in rows if row["type"] == "invoke"}
            missing = sum(key not in invoked for key in made.effects)
            assert missing < 30

    run(scene)


def test_a_history_that_cannot_be_written_ends_the_load(tmp_path: Path) -> None:
    plan = written(tmp_path / "plan.json", plan_of(duration_s=None))

    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            process = await start(made, plan, Path("/dev/full"))
            _, err = await process.communicate()
            assert process.returncode == 1
            assert b"error: history /dev/full cannot be written" in err
            assert b"No space left" in err
            assert b"Traceback" not in err

    run(scene)


@pytest.mark.parametrize("missing", ["plan", "history"])
def test_what_cannot_be_used_is_named(tmp_path: Path, missing: str) -> None:
    plan = written(tmp_path / "plan.json", plan_of())
    history = tmp_path / "history.jsonl"
    if missing == "plan":
        plan.unlink()
    else:
        history.mkdir()

    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            process = await start(made, plan, history)
            _, err = await process.communicate()
            assert process.returncode == 1
            assert f"error: {missing} {tmp_path}/{missing}.json".encode() in err

    run(scene)
