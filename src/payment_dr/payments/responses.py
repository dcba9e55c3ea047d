"""What a client is told, computed from the record alone: handler, sweeper and take-over agree."""

import json
from typing import Final

from payment_dr.payments.record import Operation, OperationState, Record, StoredResponse

_CREATED: Final = 201
_DECLINED: Final = 402


def response_of(record: Record, operation: Operation) -> StoredResponse:
    """The answer to the decided `operation`, the last of `record`; stored with the decision."""
    declined = operation.state is OperationState.DECLINED
    body = _payment(record)
    if declined:
        body |= {"status": "declined", "decline_code": operation.decline_code}
    return StoredResponse(status=_DECLINED if declined else _CREATED, body=json.dumps(body))


def body_of(record: Record) -> str:
    """The payment as it is now, as a JSON object; for reads."""
    body = _payment(record)
    charge = record.operations[0]
    if charge.decline_code is not None:
        body["decline_code"] = charge.decline_code
    return json.dumps(body)


def _payment(record: Record) -> dict[str, str | float | dict[str, str] | None]:
    return {
        "payment_id": record.payment_id,
        "status": record.state.value,
        "amount": record.money.minor_units,
        "currency": record.money.currency,
        "captured": record.captured_minor,
        "refunded": record.refunded_minor,
        "created_at": record.created_at,
        "metadata": dict(record.metadata),
    }
