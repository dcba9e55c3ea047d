"""A lab that outlives the command that started it: the supervisor as a process of its own.

It reads its settings from standard input and reports on standard output until it is ready, one
JSON object a line: `{"progress": ...}`, at last `{"ready": true}`, or `{"error": ...}` with its
remedy. If nobody reads any more, it gives up. Then it serves until `POST /shutdown` or a signal.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

import psutil

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import Settings
from payment_dr.lab.alarms.sampler import sampling
from payment_dr.lab.errors import LabError
from payment_dr.lab.http_call import call_json
from payment_dr.lab.processes import base_environment
from payment_dr.lab.registry import LabRecord, Registry, this_process
from payment_dr.lab.supervisor import Lab

_CALL_TIMEOUT_S: Final = 5.0
_END_TIMEOUT_S: Final = 20.0
_POLL_S: Final = 0.02
_STARTED: Final[list[subprocess.Popen[bytes]]] = []
"""Supervisors begun by this process, kept because nobody here waits for their end."""


def serve(lab: Lab, name: str, registry: Registry, ready: Callable[[], None]) -> None:
    """Start the lab, register it, call `ready`, and serve until it is asked to end."""
    with lab:
        port = lab.addresses.control_port
        registry.add(this_process(name, directory=lab.directory, control_port=port))
        try:
            with sampling(lab):
                ready()
                lab.ended.wait()
        finally:
            registry.remove(name)


def start_detached(
    settings: Settings,
    name: str,
    registry: Registry,
    progress: Callable[[str], None],
    *,
    empty: bool = False,
) -> LabRecord:
    """Start a lab in the background, perhaps to be deployed into, and wait until it is ready.

    Raises:
        LabError: when it does not start; nothing is left of it then.
    """
    reading, writing = os.pipe()
    with (
        os.fdopen(reading, encoding="utf-8") as reports,
        registry.log_of(name).open("wb") as log,
        TemporaryFile("w+", encoding="utf-8") as wanted,
    ):
        wanted.write(settings.model_dump_json())
        wanted.seek(0)
        arguments = ["--name", name, "--registry", str(registry.place)]
        arguments += ["--empty"] if empty else []
        with os.fdopen(writing, "wb") as output:
            # pylint: disable-next=consider-using-with; it outlives this call
            process = subprocess.Popen(
                [sys.executable, "-m", "payment_dr.lab.detached", *arguments],
                stdin=wanted,
                stdout=output,
                stderr=log,
                env=base_environment(),
                cwd="/",
                start_new_session=True,
            )
        _STARTED.append(process)
        try:
            _follow(reports, progress, registry.log_of(name))
        except BaseException:
            process.terminate()
            process.wait(_END_TIMEOUT_S)
            raise
    record = registry.get(name)
    if record is None:
        raise LabError(f"the lab {name!r} ended right after its start")
    return record


def end_detached(record: LabRecord, registry: Registry) -> None:
    """End a lab by its control port, or by SIGKILL to its supervisor, and clear what is left."""
    with suppress(LabError):
        call_json(record.control_port, "POST", "/shutdown", timeout_s=_CALL_TIMEOUT_S)
    if not _gone(record):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(record.pid).kill()
        _gone(record)
    registry.forget(record)


def _gone(record: LabRecord) -> bool:
    deadline = time.monotonic() + _END_TIMEOUT_S
    while record.alive:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _follow(reports: Iterable[str], progress: Callable[[str], None], log: Path) -> None:
    """Pass the reports on until it is ready."""
    for line in reports:
        report: dict[str, Any] = json.loads(line)
        if "ready" in report:
            return
        if "error" in report:
            raise LabError(report["error"], remedy=report["remedy"])
        progress(report["progress"])
    raise LabError(
        "the lab's supervisor ended before the lab was ready", remedy=f"read its log, {log}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run as a process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--registry", type=Path, required=True)
    parser.add_argument("--empty", action="store_true")
    given = parser.parse_args(arguments)
    settings = Settings.model_validate_json(sys.stdin.read())
    lab = Lab(settings, empty=given.empty, progress=lambda sentence: _report(progress=sentence))
    try:
        serve(lab, given.name, Registry(given.registry), _ready)
    except PaymentDrError as error:
        _report(error=error.what, remedy=error.remedy)
        sys.exit(1)


def _ready() -> None:
    """Say so, and let go of whoever was listening."""
    _report(ready=True)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())


def _report(**report: object) -> None:
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
