"""An engine that plays what it was told: a program named `tofu` for a PATH of its own.

What it says and does for a stack stands in the stack's directory, `script.json`: for each command
a list of `Take`s, played one after the other, the last one again and again. It writes down how it
was called in `calls.jsonl` beside it.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from payment_dr.infra.engine import Engine, EngineName

PROGRAM = """#!{python} -IS
import json, os, pathlib, signal, sys
arguments = sys.argv[1:]
if arguments == ["version", "-json"]:
    print(json.dumps({{"terraform_version": "{version}"}}))
    sys.exit(0)
directory = pathlib.Path(arguments[0].removeprefix("-chdir="))
command = arguments[1]
calls = directory / "calls.jsonl"
before = calls.read_text().splitlines() if calls.exists() else []
taken = sum(json.loads(line)["command"] == command for line in before)
takes = json.loads((directory / "script.json").read_text())[command]
take = takes[min(taken, len(takes) - 1)]
interrupts = []
signal.signal(signal.SIGINT, lambda *_: interrupts.append(1))
for line in take["lines"]:
    print(line, flush=True)
if take["until_interrupted"]:
    while not interrupts:
        signal.pause()
    print(json.dumps({{"@message": "halted", "type": "log"}}), flush=True)
environment = {{k: v for k, v in os.environ.items() if k.startswith(("TF_", "OWN"))}}
call = {{"command": command, "arguments": arguments[2:], "interrupts": len(interrupts),
        "environment": environment}}
with calls.open("a") as file:
    file.write(json.dumps(call) + "\\n")
sys.stderr.write(take["errors"])
sys.exit(take["code"])
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Take:
    """What the engine says and how it ends; before that it may wait for its interruption."""

    lines: tuple[str, ...] = ()
    code: int = 0
    until_interrupted: bool = False
    errors: str = ""


def install(directory: Path, *, name: str = "tofu", version: str = "1.11.2") -> Path:
    """Put the program into a directory; its path."""
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / name
    program.write_text(PROGRAM.format(python=sys.executable, version=version))
    program.chmod(0o755)
    return program


def engine(directory: Path) -> Engine:
    """The program as an engine."""
    program = install(directory)
    return Engine(name=EngineName.TOFU, version="1.11.2", command=(str(program),))


def play(directory: Path, **takes: Sequence[Take] | Take) -> None:
    """Write a stack's script; commands that are not given succeed silently."""
    directory.mkdir(parents=True, exist_ok=True)
    quiet = {"init": Take(), "apply": Take(), "output": Take(lines=("{}",))}
    script = {
        command: [asdict(take) for take in ([given] if isinstance(given, Take) else given)]
        for command, given in {**quiet, **takes}.items()
    }
    (directory / "script.json").write_text(json.dumps(script))


def plans(*documents: Mapping[str, Any]) -> dict[str, tuple[Take, ...]]:
    """Takes of `plan` and `show` for plans in this order."""
    return {
        "plan": tuple(Take(code=2 if one["resource_changes"] else 0) for one in documents),
        "show": tuple(Take(lines=(json.dumps(one),)) for one in documents),
    }


def plan(*changes: Mapping[str, Any]) -> dict[str, Any]:
    """A plan as `show -json` prints it."""
    return {
        "format_version": "1.2",
        "planned_values": {"root_module": {}},
        "configuration": {},
        "resource_changes": list(changes),
    }


def change(
    address: str,
    *actions: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """What happens to one resource; `more` beside `change`, or `replace_paths` in it."""
    paths = more.pop("replace_paths", [])
    return {
        "address": address,
        "mode": "managed",
        "type": address.split(".")[-2],
        "change": {"actions": list(actions), "before": before, "after": after}
        | ({"replace_paths": paths} if paths else {}),
        **more,
    }


def message(kind: str, **fields: Any) -> str:
    """A line of the engine's messages."""
    return json.dumps({"@level": "info", "@message": kind, "type": kind, **fields})


def hook(kind: str, address: str, action: str = "create", seconds: float = 0) -> str:
    """A message about a resource at work."""
    about = {"resource": {"addr": address}, "action": action, "elapsed_seconds": seconds}
    return message(kind, hook=about)


def complaint(summary: str, detail: str = "", *, severity: str = "error", **more: Any) -> str:
    """A diagnostic."""
    about = {"severity": severity, "summary": summary, "detail": detail, **more}
    return message("diagnostic", diagnostic=about)


def calls(directory: Path) -> list[dict[str, Any]]:
    """How the engine was called in a stack's directory."""
    written = directory / "calls.jsonl"
    lines = written.read_text().splitlines() if written.exists() else []
    return [json.loads(line) for line in lines]


def commands(directory: Path) -> list[str]:
    """Which commands it was given there."""
    return [call["command"] for call in calls(directory)]
