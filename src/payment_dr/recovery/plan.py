"""The plans as data: one list per kind of move, from which everything else is derived.

The runner, the command line's progress, the documentation and the time budget read these lists.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import StepBudgets
from payment_dr.recovery import filing, rebuilding, steps
from payment_dr.recovery.context import MoveContext
from payment_dr.recovery.control import MoveKind, StepName

_DEFAULT: Final = StepBudgets()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A step of a move.

    `does` and `reads_back` are for people. `is_done` asks the world; `run` acts, looking first.
    `budget_s` is the longest that the step may take. `marked` steps are written into the control
    record when the move reaches them; the others write it themselves or do not need it.
    From a `point_of_no_return` on the only way back is another move. A step that `works` is run
    again without a pause; the others wait for something.
    """

    name: StepName
    does: str
    reads_back: str
    budget_s: float
    is_done: Callable[[MoveContext], bool]
    run: Callable[[MoveContext], None]
    marked: bool = False
    point_of_no_return: bool = False
    works: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The steps of one kind of move, in their order."""

    kind: MoveKind
    steps: tuple[Step, ...]

    @property
    def ledger_budget_s(self) -> float:
        """Longest time from the start to an open ledger, if every step uses up its budget."""
        last = self.position(StepName.OPEN_LEDGER)
        return sum(step.budget_s for step in self.steps[: last + 1])

    def step(self, name: StepName) -> Step:
        """The step of that name.

        Raises:
            PaymentDrError: this kind of move has none.
        """
        found = {step.name: step for step in self.steps}
        if name not in found:
            raise PaymentDrError(
                f"a {self.kind} has no step {name}", remedy=f"its steps are {', '.join(found)}"
            )
        return found[name]

    def position(self, name: str) -> int:
        """Index of the step of that name."""
        return [step.name for step in self.steps].index(StepName(name))

    def reached(self, at: str, name: StepName) -> bool:
        """Whether a move at step `at` has come to step `name`."""
        return self.position(at) >= self.position(name)


def plan_for(kind: MoveKind, budgets: StepBudgets = _DEFAULT) -> Plan:
    """The plan of a kind of move; a failback is a switchover whose target is home."""
    match kind:
        case MoveKind.FAILOVER:
            return failover_plan(budgets)
        case MoveKind.REBUILD:
            return rebuild_plan(budgets)
        case MoveKind.SWITCHOVER | MoveKind.FAILBACK:
            return switchover_plan(budgets, kind=kind)
        case unreachable:
            assert_never(unreachable)


def failover_plan(budgets: StepBudgets = _DEFAULT) -> Plan:
    """Unplanned; runs in the surviving site and asks nothing of the other one."""
    return Plan(
        kind=MoveKind.FAILOVER,
        steps=(
            _open_move(budgets),
            _route(budgets),
            _promote(
                budgets, "FailoverGlobalCluster with AllowDataLoss, then stamps (epoch, target)"
            ),
            _reconcile(budgets),
            *_opening(budgets),
        ),
    )


def switchover_plan(
    budgets: StepBudgets = _DEFAULT, *, kind: MoveKind = MoveKind.SWITCHOVER
) -> Plan:
    """Planned; loses nothing. Accepting payments goes on throughout, posting pauses."""
    return Plan(
        kind=kind,
        steps=(
            Step(
                name=StepName.READY,
                does="asks whether the target is a healthy replica, close behind the writer",
                reads_back="the gates, the platform, the target's ledger",
                budget_s=budgets.open_move_s,
                is_done=steps.ready_is_done,
                run=steps.run_ready,
            ),
            _open_move(budgets),
            # Clients need no ledger, so they go first. Nothing may come between reconciling and
            # opening that changes the control record, or reconciling is done twice.
            _route(budgets),
            Step(
                name=StepName.PAUSE_POSTING,
                does="stamps (epoch, none) on the old writer; accepting goes on",
                reads_back="the stamp",
                budget_s=budgets.open_move_s,
                is_done=steps.pause_posting_is_done,
                run=steps.run_pause_posting,
                marked=True,
            ),
            Step(
                name=StepName.DRAIN,
                does="waits until the target's replica shows that stamp",
                reads_back="the stamp in the target's ledger",
                budget_s=budgets.reconcile_s,
                is_done=steps.drain_is_done,
                run=steps.run_drain,
            ),
            _promote(budgets, "SwitchoverGlobalCluster, then stamps (epoch, target)"),
            _reconcile(budgets),
            *_opening(budgets),
        ),
    )


def rebuild_plan(budgets: StepBudgets = _DEFAULT) -> Plan:
    """After the ledger was lost as well: a backup, or an empty database, is completed."""
    return Plan(
        kind=MoveKind.REBUILD,
        steps=(
            _open_move(budgets),
            Step(
                name=StepName.RESTORE,
                does="waits for the restored database in the ledger's place, then stamps it",
                reads_back="the platform's writer, and by SQL: writable, our stamp",
                budget_s=budgets.restore_s,
                is_done=steps.promote_is_done,
                run=steps.run_restore,
                marked=True,
                point_of_no_return=True,
            ),
            Step(
                name=StepName.REBUILD,
                does="scans every payment, confirmed or not, and posts what the ledger lacks",
                reads_back="the checkpoint in the ledger itself",
                budget_s=budgets.rebuild_s,
                is_done=rebuilding.rebuild_is_done,
                run=rebuilding.run_scan,
                marked=True,
                works=True,
            ),
            Step(
                name=StepName.COMPARE,
                does="compares every payment with what the ledger has of it",
                reads_back="no difference; count and money per currency",
                budget_s=budgets.compare_s,
                is_done=rebuilding.compare_is_done,
                run=rebuilding.run_scan,
                marked=True,
                works=True,
            ),
            _reconcile(budgets),
            *_opening(budgets),
        ),
    )


def _open_move(budgets: StepBudgets) -> Step:
    return Step(
        name=StepName.OPEN_MOVE,
        does="asks the gates, then takes the next epoch by compare-and-set",
        reads_back="the control record",
        budget_s=budgets.open_move_s,
        is_done=steps.open_move_is_done,
        run=steps.run_open_move,
    )


def _route(budgets: StepBudgets) -> Step:
    return Step(
        name=StepName.ROUTE,
        does="marks the move: the other site now answers /takeover, which Route 53 follows",
        reads_back="the authoritative DNS answer, then a real request",
        budget_s=budgets.route_s,
        is_done=steps.route_is_done,
        run=steps.run_route,
        marked=True,
    )


def _promote(budgets: StepBudgets, does: str) -> Step:
    return Step(
        name=StepName.PROMOTE,
        does=does,
        reads_back="the platform's writer, and by SQL: writable, our stamp",
        budget_s=budgets.promote_s,
        is_done=steps.promote_is_done,
        run=steps.run_promote,
        point_of_no_return=True,
    )


def _reconcile(budgets: StepBudgets) -> Step:
    return Step(
        name=StepName.RECONCILE,
        does="posts every unconfirmed payment that the promoted ledger lacks",
        reads_back="a pass that finds nothing missing; count and money per currency",
        budget_s=budgets.reconcile_s,
        is_done=steps.reconcile_is_done,
        run=steps.run_reconcile,
        marked=True,
    )


def _opening(budgets: StepBudgets) -> tuple[Step, Step, Step]:
    return (
        Step(
            name=StepName.OPEN_LEDGER,
            does="makes the target active: poster and confirmer take their new roles",
            reads_back="the control record",
            budget_s=budgets.open_ledger_s,
            is_done=steps.open_ledger_is_done,
            run=steps.run_open_ledger,
        ),
        Step(
            name=StepName.VERIFY,
            does="sends a canary payment through the site, authorised and voided",
            reads_back="its record, and the writer and stamp once more",
            budget_s=budgets.verify_s,
            is_done=steps.verify_is_done,
            run=steps.run_verify,
        ),
        Step(
            name=StepName.EVIDENCE,
            does="files a report of what was done, by whom and when, in the site's chain",
            reads_back="the document that seals it, in the evidence store",
            budget_s=budgets.open_ledger_s,
            is_done=filing.evidence_is_done,
            run=filing.run_evidence,
        ),
    )
