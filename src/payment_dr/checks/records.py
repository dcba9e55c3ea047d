"""The records against what clients were told: what was acknowledged is there, with that outcome."""

from msgspec import Struct

from payment_dr.checks.answers import Answer
from payment_dr.checks.evidence import Evidence, OperationRow, PaymentRow, Source
from payment_dr.checks.history import Histories
from payment_dr.checks.statuses import (
    AUTHORISED,
    CAPTURE,
    CAPTURED,
    CHARGE,
    DECLINED_OPERATION,
    PENDING,
    PROGRESS,
    REFUND,
    SUCCEEDED,
)
from payment_dr.checks.verdict import Claim, Judgement, Verdict


class Loss(Struct, frozen=True, kw_only=True):
    """Acknowledged payments that are gone, and their money in minor units per currency."""

    payments: int
    minor_units: dict[str, int]


def captured_minor(operations: tuple[OperationRow, ...]) -> int:
    """Minor units captured at the charge or by captures."""
    return sum(
        o.amount
        for o in operations
        if o.state == SUCCEEDED and (o.kind == CAPTURE or (o.kind == CHARGE and o.capture))
    )


def refunded_minor(operations: tuple[OperationRow, ...]) -> int:
    """Minor units refunded."""
    return sum(o.amount for o in operations if o.state == SUCCEEDED and o.kind == REFUND)


class Records:
    """Judges records one by one as they are read, then what had none; keeps nothing of them."""

    def __init__(self, evidence: Evidence, histories: Histories) -> None:
        history, payments = evidence.history, evidence.payments
        self._payments = payments
        self._histories = histories
        self._lost: dict[str, int] = {}
        self._confirms = evidence.run.standby_back
        self._survive = Judgement(
            "acknowledged-payments-survive",
            "Every acknowledged payment has a record with that key, amount and outcome.",
            [history, payments],
        )
        self._declines = Judgement(
            "declined-payments-stay-declined",
            "Every payment that was answered as declined has a record that says so.",
            [history, payments],
        )
        self._refunds = Judgement(
            "acknowledged-refunds-survive",
            "Every refund that was acknowledged, or answered as declined, is so in its record.",
            [history, payments],
        )
        self._bounds = Judgement(
            "refunds-within-captured",
            "In every record refunded <= captured <= authorised.",
            [payments],
        )
        self._final = Judgement(
            "indeterminate-resolved",
            "After quiescence no record has an operation that is still pending, so every "
            "indeterminate answer has become a definite one.",
            [payments],
        )
        self._confirmed = Judgement(
            "nothing-left-unconfirmed",
            "With a standby back, no record waits for its postings to be seen there.",
            [payments],
        )

    def recorded(self, row: PaymentRow) -> None:
        """Judge one record."""
        answer = self._histories.outcomes.pop(row.payment_id, None)
        if answer is not None:
            self._outcome(row, answer)
        refunds = self._histories.refunds.pop(row.payment_id, None)
        if refunds is not None:
            for refund, amount in refunds:
                self._refund(row, refund, amount)
        if len(row.operations) > 1:
            self._within(row)
        for operation in row.operations:
            if operation.state == PENDING:
                _violated(self._final, row, f"a {operation.kind} of the record is still pending")
        if row.unconfirmed and self._confirms:
            _violated(self._confirmed, row, f"unconfirmed at version {row.version}")

    def _outcome(self, row: PaymentRow, answer: Answer) -> None:
        charge = row.operations[0]
        if not answer.ok:
            if charge.state != DECLINED_OPERATION:
                _violated(self._declines, row, f"answered as declined, its record is {row.state}")
            return
        problem = self._mismatch(row, charge, answer)
        if problem:
            self._lose(answer.currency, answer.amount)
            _violated(self._survive, row, problem)

    def _mismatch(self, row: PaymentRow, charge: OperationRow, answer: Answer) -> str:
        """What is wrong with the record of an acknowledged payment, or ""."""
        progress = PROGRESS.get(answer.status, 0)
        wrong = (
            progress < AUTHORISED
            or charge.state != SUCCEEDED
            or (row.amount, row.currency) != (answer.amount, answer.currency)
            or charge.idempotency_key != answer.key
            or (answer.scope != row.merchant and self._histories.names_merchants)
        )
        if wrong or (progress <= CAPTURED and charge.capture != (progress == CAPTURED)):
            return (
                f"acknowledged as {answer.status} {answer.amount} {answer.currency} under key "
                f"{answer.key}, its record is {row.state} {row.amount} {row.currency} under key "
                f"{charge.idempotency_key}"
            )
        return ""

    def _lose(self, currency: str, amount: int) -> None:
        self._lost[currency] = self._lost.get(currency, 0) + amount

    def _refund(self, row: PaymentRow, refund: Answer, amount: int) -> None:
        state = SUCCEEDED if refund.ok else DECLINED_OPERATION
        for operation in row.operations:
            if operation.kind == REFUND and operation.idempotency_key == refund.key:
                if (operation.state, operation.amount) == (state, amount):
                    return
                text = f"answered {state} {amount}, recorded {operation.state} {operation.amount}"
                break
        else:
            text = f"answered {state} {amount}, not in its record"
        self._refunds.violated(
            f"refund {refund.key}: {text}",
            payment_id=row.payment_id,
            minor_units=amount,
            currency=row.currency,
        )

    def _within(self, row: PaymentRow) -> None:
        captured = captured_minor(row.operations)
        refunded = refunded_minor(row.operations)
        if not refunded <= captured <= row.operations[0].amount:
            text = (
                f"refunded {refunded}, captured {captured}, authorised {row.operations[0].amount}"
            )
            _violated(self._bounds, row, text)

    def finish(self) -> Loss | None:
        """Judge what had no record, once the records have been read; None if that proves nothing.

        `Histories.outcomes` then holds exactly the payments without a record.
        """
        for answer in self._histories.outcomes.values():
            judgement = self._survive if answer.ok else self._declines
            if answer.ok:
                self._lose(answer.currency, answer.amount)
            _missing(judgement, answer, "payment", answer.amount, self._payments)
        for refunds in self._histories.refunds.values():
            for refund, amount in refunds:
                _missing(self._refunds, refund, f"refund {refund.key}", amount, self._payments)
        if self._survive.claim().verdict is Verdict.UNKNOWN:
            return None
        return Loss(payments=self._survive.count, minor_units=self._lost)

    def claims(self) -> list[Claim]:
        """Judge, after `finish`."""
        always = (self._survive, self._declines, self._refunds, self._bounds, self._final)
        judgements = (*always, self._confirmed) if self._confirms else always
        return [judgement.claim() for judgement in judgements]


def _violated(judgement: Judgement, row: PaymentRow, detail: str) -> None:
    judgement.violated(
        detail, payment_id=row.payment_id, minor_units=row.amount, currency=row.currency
    )


def _missing(
    judgement: Judgement, answer: Answer, what: str, amount: int, payments: Source[PaymentRow]
) -> None:
    judgement.violated(
        f"{what} answered as {answer.status}, and there is no such record",
        payment_id=answer.payment_id,
        minor_units=amount,
        currency=answer.currency,
        absent_from=payments,
    )
