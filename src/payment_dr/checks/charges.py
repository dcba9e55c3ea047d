"""The provider's effects against the records: each operation once, each key once, none unknown."""

from dataclasses import dataclass
from sys import intern
from typing import Final

from msgspec import Struct

from payment_dr.checks.answers import Answer
from payment_dr.checks.evidence import Evidence, OperationRow, PaymentRow, ProviderRow, Source
from payment_dr.checks.records import captured_minor
from payment_dr.checks.statuses import (
    CHARGE,
    DECLINED_OPERATION,
    INEFFECTIVE,
    PENDING,
    REFUND,
    SUCCEEDED,
    VOID,
)
from payment_dr.checks.verdict import Claim, Judgement, Verdict

_REFERENCED: Final = frozenset({CHARGE, REFUND})
"""Kinds whose provider reference is their own; a capture or void bears that of its charge."""

_NOBODY: Final = "\0"
"""No merchant's name: the scope of payments that only the provider knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DoubleCharges:
    """Effective charges beyond the first of an idempotency key, and their money per currency."""

    charges: int
    minor_units: dict[str, int]


class Known(Struct, gc=False):
    """What is kept of a record to judge the provider by.

    `done` has bit n set once the provider's effect of operation n was seen.
    """

    merchant: str
    key: str
    currency: str
    operations: tuple[OperationRow, ...]
    done: int = 0


class Charges:
    """Reads the records, then the provider's rows; memory grows with the records.

    Args:
        evidence: payments and provider are read from it.
        names_merchants: whether the history names merchants, so that keys are theirs.
    """

    def __init__(self, evidence: Evidence, *, names_merchants: bool) -> None:
        self._payments = evidence.payments
        self._provider = evidence.provider
        self._names_merchants = names_merchants
        self._known: dict[str, Known] = {}
        self._unknown: set[str] = set()
        self._charged: dict[str, dict[str, int]] = {}
        self._refunded: dict[str, int] = {}
        self._double_minor: dict[str, int] = {}
        provider, payments, history = evidence.provider, evidence.payments, evidence.history
        self._once = Judgement(
            "one-charge-per-operation",
            "The provider did each operation at most once.",
            [provider],
        )
        self._per_key = Judgement(
            "one-charge-per-idempotency-key",
            "The provider charged at most once for each payment that a client asked for, whatever "
            "payment ids it was given.",
            [provider, payments, history],
        )
        self._recorded = Judgement(
            "no-charge-without-record",
            "Everything that the provider did is an operation of a record.",
            [provider, payments],
        )
        self._agrees = Judgement(
            "provider-agrees",
            "The provider did exactly what the records say succeeded: same kind, amount, currency "
            "and reference; nothing that was declined; and refunded no more than was captured.",
            [provider, payments],
        )

    def recorded(self, row: PaymentRow) -> None:
        """Keep a record."""
        self._known[row.payment_id] = Known(
            intern(row.merchant) if self._names_merchants else "",
            row.operations[0].idempotency_key,
            intern(row.currency),
            row.operations,
        )

    def read(self, without_record: dict[str, Answer]) -> None:
        """Read the provider's rows, after all records.

        Args:
            without_record: answers that named a payment which has no record.
        """
        for row in self._provider:
            if row.status not in INEFFECTIVE:
                self._effect(row, without_record)
        self._finish()

    def _effect(self, row: ProviderRow, without_record: dict[str, Answer]) -> None:
        known = self._known.get(row.payment_id)
        if known is None or not self._compare(row, known):
            self._recordless(row, known)
        if row.kind == CHARGE:
            self._charge(row, known, without_record)
        elif row.kind == REFUND:
            total = self._refunded.get(row.payment_id, 0) + row.amount
            self._refunded[row.payment_id] = total

    def _compare(self, row: ProviderRow, known: Known) -> bool:
        """Judge an effect by its operation; False when the record has none such."""
        bit = 1
        for operation in known.operations:
            if operation.operation_id == row.operation_id:
                if known.done & bit:
                    _violated(self._once, row, f"operation {row.operation_id} was done again")
                known.done |= bit
                problem = _mismatch(row, known, operation)
                if problem:
                    _violated(self._agrees, row, problem)
                return True
            bit <<= 1
        return False

    def _recordless(self, row: ProviderRow, known: Known | None) -> None:
        if row.operation_id in self._unknown:
            _violated(self._once, row, f"operation {row.operation_id} was done again")
        self._unknown.add(row.operation_id)
        what = "the payment has no record" if known is None else "its record has no such operation"
        text = f"{row.kind} {row.reference}, operation {row.operation_id}: {what}"
        _violated(self._recorded, row, text, self._payments if known is None else None)

    def _charge(
        self, row: ProviderRow, known: Known | None, without_record: dict[str, Answer]
    ) -> None:
        """Count a charge under its client's key: the record's, an answer's or the provider's."""
        if known is not None:
            scope, key = known.merchant, known.key
        elif (answer := without_record.get(row.payment_id)) is not None:
            scope, key = answer.scope, answer.key
        elif row.idempotency_key is not None:
            scope, key = row.merchant if self._names_merchants else "", row.idempotency_key
        else:
            scope, key = _NOBODY, row.payment_id
        charges = self._charged.setdefault(scope, {})
        before = charges.get(key, 0)
        charges[key] = before + 1
        if before:
            minor = self._double_minor
            minor[row.currency] = minor.get(row.currency, 0) + row.amount
            _violated(self._per_key, row, f"charge {before + 1} for key {key}: {row.reference}")

    def _finish(self) -> None:
        for payment_id, known in self._known.items():
            if known.done + 1 != 1 << len(known.operations):
                self._undone(payment_id, known)
        for payment_id, refunded in self._refunded.items():
            if payment_id in self._known:
                self._within(payment_id, self._known[payment_id], refunded)

    def _within(self, payment_id: str, known: Known, refunded: int) -> None:
        captured = captured_minor(known.operations)
        if refunded > captured:
            self._agrees.violated(
                f"the provider refunded {refunded}, captured were {captured}",
                payment_id=payment_id,
                minor_units=refunded - captured,
                currency=known.currency,
            )

    def _undone(self, payment_id: str, known: Known) -> None:
        for number, operation in enumerate(known.operations):
            if operation.state == SUCCEEDED and not known.done >> number & 1:
                self._agrees.violated(
                    f"{operation.kind} {operation.operation_id} succeeded, the provider has no "
                    "such effect",
                    payment_id=payment_id,
                    minor_units=operation.amount,
                    currency=known.currency,
                    absent_from=self._provider,
                )

    def doubles(self) -> DoubleCharges | None:
        """What was charged beyond once per key; None if the evidence does not tell."""
        if self._per_key.claim().verdict is Verdict.UNKNOWN:
            return None
        return DoubleCharges(charges=self._per_key.count, minor_units=self._double_minor)

    def claims(self) -> list[Claim]:
        """Judge, after `read`."""
        judgements = (self._once, self._per_key, self._recorded, self._agrees)
        return [judgement.claim() for judgement in judgements]


def _mismatch(row: ProviderRow, known: Known, operation: OperationRow) -> str:
    """What the provider did otherwise than the record says, or "". Pending ones are not judged."""
    if operation.state == PENDING:
        return ""
    same = (
        operation.state != DECLINED_OPERATION
        and row.kind == operation.kind
        and (row.kind == VOID or _same_money(row, known, operation))
        and (row.kind not in _REFERENCED or row.reference == operation.provider_reference)
    )
    if same:
        return ""
    return (
        f"the provider did {row.kind} {row.amount} {row.currency} {row.reference}, the record says "
        f"{operation.kind} {operation.amount} {known.currency} {operation.provider_reference} "
        f"{operation.state}"
    )


def _same_money(row: ProviderRow, known: Known, operation: OperationRow) -> bool:
    return row.amount == operation.amount and row.currency == known.currency


def _violated(
    judgement: Judgement,
    row: ProviderRow,
    detail: str,
    absent_from: Source[PaymentRow] | None = None,
) -> None:
    judgement.violated(
        detail,
        payment_id=row.payment_id,
        minor_units=row.amount,
        currency=row.currency,
        absent_from=absent_from,
    )
