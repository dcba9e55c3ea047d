"""One pass over the history: pairs ends with invokes and hands each operation to its judges.

What is kept is one answer per key and the operations in flight; no line of the file is.
"""

from dataclasses import dataclass
from typing import Final

from payment_dr.checks.answers import Answer, Answers, answer_of, scope_of
from payment_dr.checks.evidence import EventType, Evidence, Function, HistoryRow
from payment_dr.checks.reads import Reads, Refunds
from payment_dr.checks.statuses import ABSENT
from payment_dr.checks.verdict import Claim, Judgement

_INVOKE: Final = EventType.INVOKE
_PAY: Final = Function.PAY
_REFUND: Final = Function.REFUND
_READ: Final = Function.READ


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Payment requests by how they ended; without an end they are indeterminate."""

    attempted: int
    acknowledged: int
    refused: int
    indeterminate: int


class Histories:
    """Everything that the history says, and the claims that it decides alone.

    After `read`, `outcomes` maps each payment to its first definite answer and `refunds` each
    payment to the definite answers to its refunds, with the minor units asked for.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._source = evidence.history
        self.outcomes: dict[str, Answer] = {}
        self.refunds: dict[str, list[tuple[Answer, int]]] = {}
        self.names_merchants = False
        self._ends: dict[EventType, int] = dict.fromkeys(EventType, 0)
        self._amounts = Refunds()
        self._answers = Answers(evidence.history)
        self.reads = Reads(evidence.history, evidence.payments, self.outcomes, self._amounts)
        self._open: dict[int, tuple[HistoryRow, str, int]] = {}
        self._whole = Judgement(
            "history-is-whole",
            "The history's lines are numbered without gaps, and every operation that began ended "
            "exactly once.",
            [evidence.history],
        )

    def read(self) -> None:
        """Read the whole history; call once."""
        expected = 0
        for row in self._source:
            if row.index != expected:
                self._whole.violated(f"line {row.index} follows line {expected - 1}")
            expected = row.index + 1
            if row.type is _INVOKE:
                self._begin(row)
            else:
                self._end(row)

    def _begin(self, row: HistoryRow) -> None:
        if row.process in self._open:
            self._whole.violated(f"process {row.process} began twice at line {row.index}")
            return
        scope = ""
        floor = ABSENT
        if row.f is _READ:
            floor = self.reads.floor(row.key)
        else:
            scope = scope_of(row)
            self._answers.asked(row, scope)
            if row.f is _REFUND:
                self._amounts.asked(row)
                floor = self.reads.floor(scope)
        self._open[row.process] = (row, scope, floor)

    def _end(self, row: HistoryRow) -> None:
        begun = self._open.pop(row.process, None)
        if begun is None:
            self._whole.violated(
                f"process {row.process} ended at line {row.index} without having begun",
                payment_id=row.payment_id,
            )
            return
        invoke, scope, floor = begun
        if invoke.f is _READ:
            self.reads.ended(invoke, row, floor)
            return
        answer = answer_of(row, scope)
        if answer is None:
            self._answers.refused(invoke, row, scope)
        else:
            self._answers.answered(invoke, answer)
        if invoke.f is _PAY:
            self._paid(row, answer)
        else:
            self._refunded(invoke, row, answer, floor)

    def _paid(self, row: HistoryRow, answer: Answer | None) -> None:
        self._ends[row.type] += 1
        if row.merchant:
            self.names_merchants = True
        if answer is not None and answer.payment_id is not None:
            known = self.outcomes.setdefault(answer.payment_id, answer)
            if known.key != answer.key or known.scope != answer.scope:
                self._answers.shared(known, answer)

    def _refunded(
        self, invoke: HistoryRow, row: HistoryRow, answer: Answer | None, floor: int
    ) -> None:
        self._amounts.ended(invoke, row)
        if answer is None:
            self.reads.ended(invoke, row, floor)
        else:
            self.refunds.setdefault(answer.scope, []).append((answer, invoke.amount))

    def counts(self) -> Counts:
        """Payment requests so far."""
        unended = sum(begun[0].f is _PAY for begun in self._open.values())
        acknowledged = self._ends[EventType.OK]
        refused = self._ends[EventType.FAIL]
        indeterminate = self._ends[EventType.INFO] + unended
        return Counts(
            attempted=acknowledged + refused + indeterminate,
            acknowledged=acknowledged,
            refused=refused,
            indeterminate=indeterminate,
        )

    def claims(self) -> list[Claim]:
        """Judge, once history and records have been read to their ends."""
        if not self.counts().attempted:
            self._whole.doubt("the history has no payment")
        if self._open:
            self._whole.doubt(f"the history does not say how {len(self._open)} operations ended")
        return [self._whole.claim(), *self._answers.claims(), *self.reads.claims()]
