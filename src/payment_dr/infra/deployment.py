"""Deploying: each stack in order is planned, guarded, shown, confirmed, and applied as planned.

Nothing is remembered between runs but the engine's states: a second deployment plans every stack
again, finds those that are done without a change, and goes on where the first one stopped.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from payment_dr.core.errors import PaymentDrError
from payment_dr.infra import plan_guard
from payment_dr.infra.deployment_order import Stack
from payment_dr.infra.engine import Engine
from payment_dr.infra.engine_events import Event
from payment_dr.infra.engine_run import InterruptedRunError
from payment_dr.infra.engine_stack import EngineStack, Output, PlanResult
from payment_dr.infra.local import Local, write_override
from payment_dr.infra.plan_guard import Danger
from payment_dr.infra.prevention import restore


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A plan and what is dangerous about it; an address is `STACK:ADDRESS` here."""

    plan: PlanResult
    dangers: tuple[Danger, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A stack that is as configured; `changed` tells whether this run had to do anything."""

    stack: str
    changed: bool
    seconds: float


class Audience(Protocol):
    """Who watches a deployment and is asked."""

    def began(self, stack: str, number: int, total: int) -> None:
        """A stack's turn; numbers from 1."""
        ...

    def planned(self, planned: Planned) -> None:
        """Its plan, before anything is done."""
        ...

    def confirms(self, planned: Planned) -> bool:
        """Whether the plan, which is not empty, may be applied."""
        ...

    def applies(self, plan: PlanResult) -> None:
        """The plan is being applied from now on."""
        ...

    def hears(self, event: Event) -> None:
        """What the engine says."""
        ...

    def done(self, done: Done) -> None:
        """The stack is as configured."""
        ...


class RefusedError(PaymentDrError):
    """A plan would harm what holds data, and no override names it."""

    def __init__(self, stack: str, refused: tuple[Danger, ...]) -> None:
        lines = "\n".join(f"  {danger}" for danger in refused)
        names = " ".join(f"--allow-destroy '{danger.address}'" for danger in refused)
        super().__init__(
            f"the plan of {stack} is refused; it would harm what holds data:\n{lines}",
            remedy=f"find out why it is planned; only if it is meant: {names}",
        )
        self.refused = refused


class StoppedError(PaymentDrError):
    """A deployment that ended before its last stack.

    Attributes:
        stack: where it ended; a later run starts there.
        done: the stacks before.
        interrupted: whether somebody stopped it.
    """

    def __init__(self, stack: str, done: tuple[Done, ...], cause: PaymentDrError) -> None:
        super().__init__(cause.what, remedy=cause.remedy, definite=cause.definite)
        self.stack = stack
        self.done = done
        self.interrupted = isinstance(cause, InterruptedRunError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """Stacks under an engine.

    Attributes:
        stacks: in the order of deployment.
        engine: which.
        audience: who watches and is asked.
        allowed: `STACK:ADDRESS` of what may be harmed.
        local: where to, if not to AWS.
    """

    stacks: Sequence[Stack]
    engine: Engine
    audience: Audience
    allowed: frozenset[str] = frozenset()
    local: Local | None = None

    def deploy(self) -> tuple[Done, ...]:
        """Make everything as configured.

        Raises:
            StoppedError: a stack failed, was refused, not confirmed, or interrupted.
        """
        done: list[Done] = []
        for number, stack in enumerate(self.stacks, start=1):
            self.audience.began(stack.name, number, len(self.stacks))
            try:
                done.append(self._deploy(stack))
            except PaymentDrError as error:
                raise StoppedError(stack.name, tuple(done), error) from error
            self.audience.done(done[-1])
        return tuple(done)

    def diff(self) -> tuple[Planned, ...]:
        """Plan every stack and change nothing; refusals are the caller's to judge.

        Raises:
            EngineError: a plan failed.
        """
        found: list[Planned] = []
        for number, stack in enumerate(self.stacks, start=1):
            self.audience.began(stack.name, number, len(self.stacks))
            found.append(self._plan(self.open(stack)))
        return tuple(found)

    def outputs(self) -> dict[str, Mapping[str, Output]]:
        """Outputs by stack.

        Raises:
            EngineError: a state cannot be read.
        """
        return {stack.name: self.open(stack).outputs() for stack in self.stacks}

    def open(self, stack: Stack) -> EngineStack:
        """The stack connected to its state.

        Raises:
            EngineError: the state or the provider cannot be had.
        """
        write_override(self.local, stack.directory)
        restore(stack.directory)
        opened = EngineStack(
            engine=self._engine(),
            name=stack.name,
            directory=stack.directory,
            listen=self.audience.hears,
        )
        opened.initialise()
        return opened

    def refusal(self, planned: Planned) -> RefusedError | None:
        """What speaks against applying a plan, unless it is allowed."""
        refused = plan_guard.refused(planned.dangers, self.allowed)
        return RefusedError(planned.plan.stack, refused) if refused else None

    def _engine(self) -> Engine:
        if self.local is None:
            return self.engine
        return replace(self.engine, environment=self.local.environment)

    def _deploy(self, stack: Stack) -> Done:
        start = time.monotonic()
        opened = self.open(stack)
        planned = self._plan(opened)
        refusal = self.refusal(planned)
        if refusal is not None:
            raise refusal
        if not planned.plan.empty:
            if not self.audience.confirms(planned):
                raise PaymentDrError(f"{stack.name} was not confirmed; nothing was changed in it")
            self.audience.applies(planned.plan)
            opened.apply(planned.plan)
        return Done(
            stack=stack.name,
            changed=not planned.plan.empty,
            seconds=time.monotonic() - start,
        )

    def _plan(self, opened: EngineStack) -> Planned:
        plan = opened.plan()
        dangers = tuple(
            Danger(address=f"{opened.name}:{one.address}", does=one.does, holds=one.holds)
            for one in plan_guard.find(plan.document)
        )
        planned = Planned(plan=plan, dangers=dangers)
        self.audience.planned(planned)
        return planned
