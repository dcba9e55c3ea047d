"""A provider of the second kind: a plain JSON API in which each operation is a resource of its own.

`PUT /acquirer/v1/operations/<operation id>` does an operation once, however often it is sent;
`GET` of the same tells its outcome, and 404 is a definite "there is none". So nothing has to be
searched for, and the protocol above needs to know nothing of it.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

import msgspec
import urllib3
from msgspec import Struct
from urllib3.exceptions import HTTPError

from payment_dr.adapters.never_sent import NEVER_SENT
from payment_dr.adapters.trace import trace_headers
from payment_dr.core.errors import UnavailableError
from payment_dr.payments.ports import Declined, ProviderCall, ProviderOutcome, Succeeded

CONNECT_S: Final = 1.0
CONNECTIONS: Final = 32
_BASE: Final = "/acquirer/v1"
_REFUSED: Final = frozenset({400, 401, 403, 422, 429})
"""Statuses that say that nothing took effect; every other one leaves doubt."""


class _Outcome(Struct):
    state: Literal["succeeded", "declined"]
    reference: str | None = None
    code: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    status: int
    body: bytes


class AcquirerProvider:
    """`payments.ports.Provider`; safe to share between threads.

    Args:
        api_key: asked for each call, so that a rotated key is picked up.
        timeout_s: longest silence of the provider during a call.
        url: where the API is, without its path.
    """

    def __init__(self, api_key: Callable[[], str], *, timeout_s: float, url: str) -> None:
        self._api_key = api_key
        self._url = url
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            timeout=urllib3.Timeout(connect=min(CONNECT_S, timeout_s), read=timeout_s),
            retries=False,
        )

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()

    def reach(self) -> None:
        """Ask for the status, which changes nothing; UnavailableError when it is not answered."""
        answer = self._ask("GET", "/status", "reading the status")
        if answer.status != HTTPStatus.OK:
            raise _unexpected("reading the status", answer, definite=True)

    def perform(self, call: ProviderCall) -> ProviderOutcome:
        """Do the operation once, under its id."""
        what = f"{call.operation.kind} {call.operation.operation_id}"
        answer = self._ask("PUT", _path(call), what, _body(call))
        if answer.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise _unexpected(what, answer, definite=answer.status in _REFUSED)
        return _outcome(what, answer)

    def look_up(self, call: ProviderCall) -> ProviderOutcome | None:
        """The outcome by operation id; None is definite."""
        what = f"looking up {call.operation.kind} {call.operation.operation_id}"
        answer = self._ask("GET", _path(call), what)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status != HTTPStatus.OK:
            raise _unexpected(what, answer, definite=True)
        return _outcome(what, answer)

    def _ask(self, method: str, path: str, what: str, body: bytes | None = None) -> _Answer:
        headers = {
            "authorization": f"Bearer {self._api_key()}",
            "content-type": "application/json",
            **trace_headers(),
        }
        with _errors(what, writes=method != "GET"):
            response = self._pool.request(
                method, f"{self._url}{_BASE}{path}", headers=headers, body=body, redirect=False
            )
        return _Answer(status=response.status, body=response.data)


def _path(call: ProviderCall) -> str:
    return f"/operations/{call.operation.operation_id}"


def _body(call: ProviderCall) -> bytes:
    operation = call.operation
    asked: dict[str, Any] = {
        "kind": operation.kind,
        "payment_id": call.payment_id,
        "merchant": call.merchant,
        "amount": call.money.minor_units,
        "currency": call.money.currency,
        "capture": operation.capture,
        "payment_method": operation.payment_method,
        "charge": call.charge_reference,
        "idempotency_key": operation.idempotency_key,
        "request_id": operation.request_id,
    }
    return msgspec.json.encode(asked)


def _outcome(what: str, answer: _Answer) -> ProviderOutcome:
    try:
        found = msgspec.json.decode(answer.body, type=_Outcome)
    except msgspec.DecodeError as error:
        raise UnavailableError(f"{what}: no outcome in the answer", definite=False) from error
    if found.state == "declined":
        return Declined(code=found.code or "declined", reference=found.reference)
    if found.reference is None:
        raise UnavailableError(f"{what}: a success without a reference", definite=False)
    return Succeeded(reference=found.reference)


def _unexpected(what: str, answer: _Answer, *, definite: bool) -> UnavailableError:
    return UnavailableError(f"{what}: answered {answer.status}", definite=definite)


@contextmanager
def _errors(what: str, *, writes: bool) -> Generator[None]:
    """A request that was sent may have been carried out, whatever came back of it."""
    try:
        yield
    except HTTPError as error:
        definite = not writes or isinstance(error, NEVER_SENT)
        raise UnavailableError(f"{what}: {type(error).__name__}", definite=definite) from error
