"""Which operation a payment's state allows: refunds <= captured <= authorised."""

from typing import assert_never

from payment_dr.payments.record import OperationKind, PaymentState, Record


def refusal_of(record: Record, kind: OperationKind, amount_minor: int) -> str | None:
    """The decline code if the operation is not allowed on the record as it is; None if it is.

    The decision holds for the record's version only: whoever writes is conditional on it.
    An authorisation is captured once, in part or in full; what is left of it is freed.
    """
    match kind:
        case OperationKind.CHARGE:
            return "already_charged"
        case OperationKind.CAPTURE:
            if record.state is not PaymentState.AUTHORISED:
                return "not_authorised"
            return "amount_above_authorised" if amount_minor > record.money.minor_units else None
        case OperationKind.REFUND:
            left = record.captured_minor - record.refunded_minor
            return "amount_above_captured" if amount_minor > left else None
        case OperationKind.VOID:
            return None if record.state is PaymentState.AUTHORISED else "not_authorised"
        case unreachable:
            assert_never(unreachable)
