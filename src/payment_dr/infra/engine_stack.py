"""One stack under an engine: initialise, validate, plan, apply, outputs.

Files of a run stay in the stack's directory: `payment-dr.plan`, what is applied, and
`payment-dr.plan.json`, the same for `payment-dr lint`. Both may hold sensitive values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from payment_dr.adapters.plan_files import read_plan
from payment_dr.infra.engine import Engine
from payment_dr.infra.engine_events import Diagnosed, Diagnostic, Event
from payment_dr.infra.engine_run import LONGEST_S, Listener, read, run
from payment_dr.lint.document import PlanDocument, ResourceChange

INITIALISE_S: Final = 1800.0
"""Longest time of downloading the provider, which is some 150 MB."""
PLAN_S: Final = 3600.0
"""Longest time of a plan; it reads every resource."""

_PLAN: Final = "payment-dr.plan"
_COMMON: Final = ("-json", "-input=false", "-no-color")
_LOCK: Final = "-lock-timeout=30s"
_CHANGES: Final = 2
"""Exit code of `plan -detailed-exitcode` when there is something to apply."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanResult:
    """A saved plan.

    Attributes:
        stack: its stack's name.
        saved: the plan that can be applied.
        json: the same as JSON.
        document: the JSON, parsed.
        empty: whether applying it would change nothing, outputs included.
    """

    stack: str
    saved: Path
    json: Path
    document: PlanDocument
    empty: bool

    @property
    def changes(self) -> tuple[ResourceChange, ...]:
        """Managed resources that something happens to."""
        return tuple(
            one
            for one in self.document.resource_changes
            if one.mode == "managed" and set(one.change.actions) - {"no-op", "read"}
        )


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """An output as the state has it."""

    value: Any = None
    sensitive: bool = False


class _Validation(msgspec.Struct, frozen=True, kw_only=True):
    diagnostics: list[Diagnostic] = msgspec.field(default_factory=list[Diagnostic])


def ignore(event: Event) -> None:
    """Hear nothing."""
    del event


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineStack:
    """A stack's directory and what runs it.

    Attributes:
        engine: which.
        name: the stack's.
        directory: that holds its `cdk.tf.json`.
        listen: hears what the engine says while it works.
    """

    engine: Engine
    name: str
    directory: Path
    listen: Listener = ignore

    def initialise(self) -> None:
        """Get the provider and connect to the state; repeatable.

        The state is where the configuration says, and never moved from where another one was.

        Raises:
            EngineError: it failed.
        """
        self._run("init", "-reconfigure", longest_s=INITIALISE_S)

    def validate(self) -> tuple[Diagnosed, ...]:
        """Errors and warnings of the configuration; initialise first.

        Raises:
            EngineError: the engine could not judge it.
        """
        text = self._read("validate", "-json", "-no-color")
        found = msgspec.json.decode(text, type=_Validation)
        return tuple(one.diagnosed() for one in found.diagnostics)

    def plan(self, *, destroy: bool = False) -> PlanResult:
        """Plan towards the configuration, or towards nothing, and save the plan.

        Raises:
            EngineError: it failed.
        """
        saved = self.directory / _PLAN
        code = self._run(
            "plan",
            f"-out={saved.name}",
            "-detailed-exitcode",
            _LOCK,
            *(["-destroy"] if destroy else []),
            longest_s=PLAN_S,
            fine=(0, _CHANGES),
        )
        as_json = saved.with_name(f"{_PLAN}.json")
        as_json.touch(mode=0o600)
        as_json.write_bytes(self._read("show", "-json", "-no-color", saved.name))
        return PlanResult(
            stack=self.name,
            saved=saved,
            json=as_json,
            document=read_plan(as_json),
            empty=code == 0,
        )

    def apply(self, plan: PlanResult) -> None:
        """Do exactly what was planned.

        Raises:
            EngineError: something failed; what was done before is in the state.
        """
        self._run("apply", _LOCK, plan.saved.name)

    def outputs(self) -> dict[str, Output]:
        """Outputs of what was applied; none before the first apply. Initialise first.

        Raises:
            EngineError: the state cannot be read.
        """
        text = self._read("output", "-json", "-no-color")
        return msgspec.json.decode(text, type=dict[str, Output])

    def _run(
        self,
        command: str,
        *arguments: str,
        longest_s: float = LONGEST_S,
        fine: Sequence[int] = (0,),
    ) -> int:
        ended = run(
            self.engine,
            self.directory,
            (command, *_COMMON, *arguments),
            listen=self.listen,
            longest_s=longest_s,
        )
        if ended.code not in fine or ended.interrupted:
            raise ended.error(f"{self.engine.name} {command} of {self.name}")
        return ended.code

    def _read(self, *arguments: str) -> bytes:
        return read(self.engine, self.directory, arguments)
