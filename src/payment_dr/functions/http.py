"""Outcomes as HTTP: each has exactly one status. Errors are problem details (RFC 9457)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, assert_never

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
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    payment_id: str | None = None,
) -> HttpResponse:
    """Problem details; `code` is stable, `detail` is for people."""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "code": code,
        "detail": detail,
    }
    if payment_id is not None:
        body["payment_id"] = payment_id
    return HttpResponse(
        status=status,
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
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this Idempotency-Key was used for another request; nothing took effect",
                payment_id=outcome.payment_id,
            )
        case InProgress():
            return problem(
                HTTPStatus.CONFLICT,
                "in_progress",
                "an operation of this payment is under way; ask again with the same key",
                headers=_retry(outcome.retry_after_s),
                payment_id=outcome.payment_id,
            )
        case Unavailable():
            return problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "unavailable",
                "nothing took effect; try again with the same key",
                headers=_retry(outcome.retry_after_s),
            )
        case NotFound():
            return problem(
                HTTPStatus.NOT_FOUND,
                "payment_not_found",
                "there is no such payment",
                payment_id=outcome.payment_id,
            )
        case NotAllowed():
            return problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                outcome.code,
                "the payment's record takes no further operation; nothing took effect",
                payment_id=outcome.payment_id,
            )
        case unreachable:
            assert_never(unreachable)


def _indeterminate(outcome: Indeterminate) -> HttpResponse:
    """Not an error: it will be known, by a retry or by the sweeper."""
    body = {
        "payment_id": outcome.payment_id,
        "status": "indeterminate",
        "code": "indeterminate",
        "detail": "the outcome is not known yet; retry with the same Idempotency-Key",
    }
    return HttpResponse(
        status=HTTPStatus.ACCEPTED,
        body=json.dumps(body),
        headers=_retry(outcome.retry_after_s),
        code="indeterminate",
        payment_id=outcome.payment_id,
    )


def _retry(seconds: int) -> dict[str, str]:
    return {"retry-after": str(seconds)}
