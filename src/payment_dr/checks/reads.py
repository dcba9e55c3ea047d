"""Reads are linearizable per payment: they show what was acknowledged before they were invoked.

A payment only moves forward (statuses.PROGRESS), so two bounds decide each read exactly: at least
what had been acknowledged or read when the read was invoked, at most what had been asked for when
it ended. An operation in flight during the read may or may not show; both are right.
"""

from typing import Final

from payment_dr.checks.answers import Answer
from payment_dr.checks.evidence import (
    EventType,
    Function,
    HistoryRow,
    PaymentRow,
    Source,
)
from payment_dr.checks.statuses import (
    ABSENT,
    AUTHORISED,
    CAPTURED,
    DECLINED,
    ENDED,
    HTTP_DECLINED,
    HTTP_NOT_FOUND,
    PROGRESS,
)
from payment_dr.checks.verdict import Claim, Judgement

_OK: Final = EventType.OK
_FAIL: Final = EventType.FAIL
_READ: Final = Function.READ


class Refunds:
    """Money asked and acknowledged back, each refund key of a payment counted once."""

    def __init__(self) -> None:
        self._asked: dict[str, dict[str, int]] = {}
        self._acknowledged: dict[str, dict[str, int]] = {}

    def asked(self, row: HistoryRow) -> None:
        """A refund was sent: from now on a read may show it."""
        amounts = self._asked.setdefault(row.payment_id or "", {})
        amounts[row.key] = max(row.amount, amounts.get(row.key, 0))

    def ended(self, invoke: HistoryRow, end: HistoryRow) -> None:
        """An acknowledged refund must show in later reads, a declined one never happens."""
        payment = invoke.payment_id or ""
        if end.type is _OK:
            self._acknowledged.setdefault(payment, {})[invoke.key] = invoke.amount
        elif end.type is _FAIL and end.http_status == HTTP_DECLINED:
            self._asked[payment][invoke.key] = 0

    def possible(self, payment_id: str) -> int:
        """Minor units of all refunds that may have happened."""
        return sum(self._asked.get(payment_id, {}).values())

    def certain(self, payment_id: str) -> int:
        """Minor units of all acknowledged refunds."""
        return sum(self._acknowledged.get(payment_id, {}).values())


class Reads:
    """Judges every read against the acknowledgements around it.

    Args:
        history: where the reads come from.
        payments: the records that reads are compared with at the end.
        outcomes: the first definite answer for each payment; filled by the caller as it reads.
        refunds: kept up to date by the caller as well.
    """

    def __init__(
        self,
        history: Source[HistoryRow],
        payments: Source[PaymentRow],
        outcomes: dict[str, Answer],
        refunds: Refunds,
    ) -> None:
        self._payments = payments
        self._outcomes = outcomes
        self._refunds = refunds
        self._seen: dict[str, int] = {}
        self._sees = Judgement(
            "reads-see-acknowledged",
            "Every read shows what was acknowledged or read before it was invoked, and nothing "
            "that had not been asked for when it ended.",
            [history],
        )
        self._agree = Judgement(
            "reads-agree-with-records",
            "What any read showed is in the payment's record after the run.",
            [history, payments],
        )

    def floor(self, payment_id: str) -> int:
        """The least that a read invoked now must show."""
        answer = self._outcomes.get(payment_id)
        seen = self._seen.get(payment_id, ABSENT)
        if answer is None:
            return seen
        if not answer.ok:
            return DECLINED
        if 0 < answer.amount <= self._refunds.certain(payment_id):
            return ENDED
        return max(seen, PROGRESS.get(answer.status, ABSENT))

    def _ceiling(self, payment_id: str) -> int:
        answer = self._outcomes.get(payment_id)
        if answer is None or not answer.ok:
            return DECLINED
        if PROGRESS.get(answer.status) == AUTHORISED:
            return ENDED
        return ENDED if self._refunds.possible(payment_id) >= answer.amount else CAPTURED

    def ended(self, invoke: HistoryRow, end: HistoryRow, floor: int) -> None:
        """Judge a read, or a refund that was answered "not found", which is as good as one."""
        if end.type is _OK and invoke.f is _READ:
            self._showed(invoke.key, end, floor)
        elif end.type is _FAIL and end.http_status == HTTP_NOT_FOUND and floor > ABSENT:
            payment_id = invoke.key if invoke.f is _READ else invoke.payment_id or ""
            self._violated(payment_id, f"{end.f} {end.process} was answered: no such payment")

    def _showed(self, payment_id: str, end: HistoryRow, floor: int) -> None:
        shown = PROGRESS.get(end.status)
        answer = self._outcomes.get(payment_id)
        if shown is None:
            self._violated(payment_id, f"read {end.process} showed unknown status {end.status}")
        elif shown < floor:
            self._violated(
                payment_id,
                f"read {end.process} showed {end.status} after more had been acknowledged or read",
            )
        elif shown > self._ceiling(payment_id):
            self._violated(
                payment_id, f"read {end.process} showed {end.status} which nobody had asked for"
            )
        elif answer is not None and (end.amount, end.currency) != (answer.amount, answer.currency):
            self._violated(
                payment_id,
                f"read {end.process} showed {end.amount} {end.currency}, "
                f"acknowledged were {answer.amount} {answer.currency}",
            )
        if shown is not None and shown > self._seen.get(payment_id, ABSENT):
            self._seen[payment_id] = shown

    def _violated(self, payment_id: str, detail: str) -> None:
        answer = self._outcomes.get(payment_id)
        self._sees.violated(
            detail,
            payment_id=payment_id,
            minor_units=answer.amount if answer is not None else 0,
            currency=answer.currency if answer is not None else None,
        )

    def recorded(self, row: PaymentRow) -> None:
        """Compare a record with the furthest that a read showed of it."""
        shown = self._seen.pop(row.payment_id, ABSENT)
        final = PROGRESS.get(row.state, ABSENT)
        if shown > final or (shown > ABSENT and (shown == DECLINED) != (final == DECLINED)):
            self._agree.violated(
                f"the record is {row.state}, a read had shown more or otherwise",
                payment_id=row.payment_id,
                minor_units=row.amount,
                currency=row.currency,
            )

    def claims(self) -> list[Claim]:
        """Judge, once history and records have been read to their ends."""
        for payment_id in self._seen:
            self._agree.violated(
                "a read showed this payment, and it has no record",
                payment_id=payment_id,
                absent_from=self._payments,
            )
        return [self._sees.claim(), self._agree.claim()]
