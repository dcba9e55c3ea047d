"""The tasks of the site's state machine: one call brings one step of a move as far as it gets.

An event of the machine is `{"step", "move", "carried", "used"}`; the answer is plain JSON,
`{"state", "carried"}`. What refuses, supersedes or ends a move is raised, so that the machine's
`Catch` sees it by its name and does not try again; anything else it tries again.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from os import environ
from threading import Lock
from typing import Annotated, Any, Final, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from payment_dr.core.errors import PaymentDrError
from payment_dr.functions.environment import environment_from
from payment_dr.functions.logs import configure_logs, logged
from payment_dr.functions.recovery_composition import Recovery, compose_recovery
from payment_dr.recovery.control import Phase, StepName
from payment_dr.recovery.execution import (
    APPROVAL_S_MAX,
    DEFINITE_ERRORS,
    MACHINE_INPUT,
    Chore,
    slices_of,
)
from payment_dr.recovery.moves import MoveRequest
from payment_dr.recovery.plan import plan_for
from payment_dr.recovery.ports import Transition, TransitionEvent
from payment_dr.recovery.run import Slice, StepState
from payment_dr.recovery.runner import Carried, StepCall, StepOutcome, run_step

_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")

_DETAIL_MAX: Final = 500
_CAUSE_MAX: Final = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class StepEvent:
    """A step's task; `used` slices of its budget are gone."""

    step: StepName
    move: MoveRequest
    carried: Carried
    used: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What `Catch` hands on."""

    error: Annotated[str, Field(validation_alias="Error")]
    cause: Annotated[str, Field(validation_alias="Cause")] = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """What Lambda makes of an exception, as the cause of a failure."""

    message: Annotated[str, Field(validation_alias="errorMessage")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The latest answer of a step, as the machine keeps it."""

    state: StepState


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfinished:
    """What the machine holds when it gives up; without a failure its own bound was reached."""

    move: MoveRequest
    failure: Failure | None = None
    run: Answer | None = None


_STEP: Final = TypeAdapter(StepEvent)
_OUTCOME: Final = TypeAdapter(StepOutcome)
_UNFINISHED: Final = TypeAdapter(Unfinished)
_RAISED: Final = TypeAdapter(Raised)


@logged
def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One task of the state machine."""
    return respond(event, recovery())


def respond(event: Mapping[str, Any], parts: Recovery) -> dict[str, Any]:
    """Run the task that the event names.

    Raises:
        Refused: the move was not opened.
        Superseded: another move has taken its place.
        StepError: the step's budget is used up.
        PaymentDrError: the event is none of this function's, or the move leads elsewhere.
        UnavailableError: the control record did not answer; it may be tried again.
    """
    match event.get("step"):
        case Chore.BEGIN:
            outcome = _begin(event, parts)
        case Chore.RECORD_FAILURE:
            return _record_failure(event, parts)
        case _:
            outcome = _step(event, parts)
    answer: dict[str, Any] = _OUTCOME.dump_python(outcome, mode="json")
    return answer


def _begin(event: Mapping[str, Any], parts: Recovery) -> StepOutcome:
    """In which epoch the move is asked for, and its own if it is open; the machine keeps both."""
    asked = _read(MACHINE_INPUT, event.get("input"), Chore.BEGIN)
    here = parts.environment.site
    if asked.move.target != here:
        raise PaymentDrError(
            f"move {asked.move.move_id} leads to {asked.move.target}, and this is {here}",
            remedy=f"start it in {asked.move.target}: a move runs where it leads to",
        )
    control = parts.world.control.read()
    found = control.move is not None and control.move.move_id == asked.move.move_id
    epoch = control.epoch if found and asked.epoch is None else asked.epoch
    carried = Carried(open_from=control.epoch, epoch=epoch)
    return StepOutcome(state=StepState.DONE, carried=carried)


def _step(event: Mapping[str, Any], parts: Recovery) -> StepOutcome:
    task = _read(_STEP, event, "step")
    settings = parts.environment.settings.failover
    step = plan_for(task.move.kind, settings.budgets).step(task.step)
    slices = slices_of(step.budget_s)
    part = Slice(seconds=slices.each_s, first=task.used == 0, last=task.used + 1 >= slices.count)
    call = StepCall(name=task.step, part=part, carried=task.carried, by=_name(parts))
    return run_step(parts.world, task.move, settings, call, progress=_log)


def _record_failure(event: Mapping[str, Any], parts: Recovery) -> dict[str, Any]:
    """Put the failure into the run log, if it is not there, and say what to run next."""
    ended = _read(_UNFINISHED, event.get("input"), Chore.RECORD_FAILURE)
    error, cause = _told(ended)
    world, move_id = parts.world, ended.move.move_id
    control = world.control.read()
    move = control.move
    _LOG.warning("unfinished", extra={"fields": {"move": move_id, "error": error, "cause": cause}})
    if move is not None and move.move_id == move_id and control.phase is Phase.MOVING:
        latest = world.control.run_log(move_id)[-1:]
        if not latest or latest[0].event is not TransitionEvent.FAILED:
            line = Transition(
                move_id=move_id,
                step=move.step,
                event=TransitionEvent.FAILED,
                detail=cause[:_DETAIL_MAX],
                by=_name(parts),
                at=world.clock.now(),
            )
            world.control.log((line,))
    return {"error": error, "cause": cause}


def _told(ended: Unfinished) -> tuple[str, str]:
    """Name and cause of what ended the execution; the cause says what to run next."""
    move_id, failure = ended.move.move_id, ended.failure
    resume = f"payment-dr resume {move_id}"
    if failure is not None:
        said = _message(failure.cause)
        if failure.error not in DEFINITE_ERRORS:
            said = f"move {move_id} is unfinished: {said or failure.error}\n  next: {resume}"
        return failure.error, said[:_CAUSE_MAX]
    if ended.run is not None and ended.run.state is StepState.AWAITS_APPROVAL:
        hours = APPROVAL_S_MAX / 3600
        return "NotApproved", (
            f"move {move_id} was not approved within {hours:g} h\n"
            f"  next: payment-dr approve {move_id}, then {resume}"
        )
    return "StepError", f"move {move_id} has used up the budget of a step\n  next: {resume}"


def _message(cause: str) -> str:
    """The message of a function's error; other causes are told as they are."""
    with suppress(ValidationError):
        return _RAISED.validate_json(cause).message
    return cause


def _read(adapter: TypeAdapter[_T], document: object, what: str) -> _T:
    try:
        return adapter.validate_python(document)
    except ValidationError as error:
        raise PaymentDrError(
            f"the event of a {what} cannot be used: {error}",
            remedy="start an execution with the input that recovery.execution describes",
        ) from error


def _name(parts: Recovery) -> str:
    return f"state-machine/{parts.environment.site}"


def _log(transition: Transition) -> None:
    _LOG.info("move", extra={"fields": asdict(transition)})


_BUILDING: Final = Lock()


def recovery() -> Recovery:
    """This process's parts; connections to ledgers are kept from call to call."""
    with _BUILDING:
        return _built()


@cache
def _built() -> Recovery:
    configure_logs()
    return compose_recovery(environment_from(environ))
