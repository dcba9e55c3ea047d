"""Outcomes as HTTP: each has exactly one status. Errors are problem details (RFC 9457)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, assert_never

from payment_dr.functions.error_catalogue import CATALOGUE, INDETERMINATE, PAGE, Code
from payment_dr.payments.outcome import (
    Created,
    DeclinedOutcome,
    Found,
    Indeterminate,
    InProgress,
    KeyReused,
    NotAllowed,
    NotFound,
    OperationOutcome,
    ReadOutcome,
    Unavailable,
)
from payment_dr.payments.responses import body_of


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpResponse:
    """A whole answer; `code` and `payment_id` are what a log should say of it."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    code: str = "ok"
    payment_id: str | None = None

    def to_event(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """The answer as Lambda returns it to API Gateway (payload format 2.0)."""
        content = {"content-type": "application/json", **self.headers, **headers}
        return {"statusCode": int(self.status), "headers": content, "body": self.body}


def problem(
    code: Code,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    payment_id: str | None = None,
) -> HttpResponse:
    """Problem details; `code` is stable, `detail` is for people."""
    entry = CATALOGUE[code]
    body = {
        "type": f"{PAGE}/{code}",
        "title": entry.title,
        "status": int(entry.status),
        "code": code,
        "detail": detail,
    }
    if payment_id is not None:
        body["payment_id"] = payment_id
    return HttpResponse(
        status=entry.status,
        body=json.dumps(body),
        headers={"content-type": "application/problem+json", **(headers or {})},
        code=code,
        payment_id=payment_id,
    )


def respond(outcome: OperationOutcome | ReadOutcome) -> HttpResponse:
    """The answer to each way a request can end."""
    match outcome:
        case Created() | DeclinedOutcome():
            return HttpResponse(
                status=outcome.response.status,
                body=outcome.response.body,
                headers={"idempotent-replayed": "true"} if outcome.replayed else {},
                code="created" if isinstance(outcome, Created) else "declined",
                payment_id=outcome.record.payment_id,
            )
        case Found():
            return HttpResponse(
                status=HTTPStatus.OK,
                body=body_of(outcome.record),
                code="found",
                payment_id=outcome.record.payment_id,
            )
        case Indeterminate():
            return _indeterminate(outcome)
        case _:
            return _refusal(outcome)


def _refusal(
    outcome: KeyReused | InProgress | Unavailable | NotFound | NotAllowed,
) -> HttpResponse:
    """Nothing took effect."""
    match outcome:
        case KeyReused():
            return problem(
                Code.KEY_REUSED,
                "this Idempotency-Key was used for another request; nothing took effect",
                payment_id=outcome.payment_id,
            )
        case InProgress():
            return problem(
                Code.IN_PROGRESS,
                "an operation of this payment is under way; ask again with the same key",
                headers=_retry(outcome.retry_after_s),
                payment_id=outcome.payment_id,
            )
        case Unavailable():
            return problem(
                Code.UNAVAILABLE,
                "nothing took effect; try again with the same key",
                headers=_retry(outcome.retry_after_s),
            )
        case NotFound():
            return payment_not_found(outcome.payment_id)
        case NotAllowed():
            return problem(
                Code(outcome.code),
                "the payment's record takes no further operation; nothing took effect",
                payment_id=outcome.payment_id,
            )
        case unreachable:
            assert_never(unreachable)


def payment_not_found(payment_id: str | None) -> HttpResponse:
    """There is no such payment, or it is another merchant's; None for what is no id at all."""
    return problem(Code.PAYMENT_NOT_FOUND, "there is no such payment", payment_id=payment_id)


def _indeterminate(outcome: Indeterminate) -> HttpResponse:
    """Not an error: it will be known, by a retry or by the sweeper."""
    body = {
        "payment_id": outcome.payment_id,
        "status": INDETERMINATE,
        "code": INDETERMINATE,
        "detail": "the outcome is not known yet; retry with the same Idempotency-Key",
    }
    return HttpResponse(
        status=HTTPStatus.ACCEPTED,
        body=json.dumps(body),
        headers=_retry(outcome.retry_after_s),
        code=INDETERMINATE,
        payment_id=outcome.payment_id,
    )


def _retry(seconds: int) -> dict[str, str]:
    return {"retry-after": str(seconds)}
