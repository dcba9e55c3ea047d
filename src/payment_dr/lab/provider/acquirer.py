"""The simulator as a provider of the second kind: operations are resources, addressed by their id.

It does the same things to the same payments as the first kind, and keeps them in the same store:
only how they are asked for differs.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from payment_dr.lab.http_server import Request, Response
from payment_dr.lab.provider.answers import Answer, Json
from payment_dr.lab.provider.faults import Faults
from payment_dr.lab.provider.forms import Form, ParameterError
from payment_dr.lab.provider.operations import Call, Operations
from payment_dr.lab.provider.store import Store

_PREFIX: Final = "acquirer:"
"""Of keys in the store, apart from those of the first kind."""

_OK: Final = 200


class AskedOperation(BaseModel):
    """The body of a PUT."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    payment_id: str
    merchant: str
    amount: int
    currency: str
    capture: bool
    payment_method: str | None
    charge: str | None
    idempotency_key: str
    request_id: str = ""


class Acquirer:
    """Answers requests below `/acquirer/v1`.

    Args:
        store: of the simulator; `operations` work in it.
        operations: what a payment can go through.
        faults: that are in force now.
    """

    def __init__(self, store: Store, operations: Operations, faults: Callable[[], Faults]) -> None:
        self._store = store
        self._faults = faults
        self._in_progress: set[str] = set()
        self._perform: dict[str, Callable[[Call], Answer]] = {
            "charge": operations.charge,
            "capture": operations.capture,
            "void": operations.cancel,
            "refund": operations.refund,
        }

    async def serve(self, request: Request, path: list[str]) -> Response:
        """Answer one request; `path` is what follows the version."""
        match request.method, path:
            case "GET", ["status"]:
                return _response(_OK, {"status": "ok"})
            case "GET", ["operations", operation_id]:
                return self._look_up(operation_id)
            case "PUT", ["operations", operation_id]:
                return await self._put(operation_id, request.body)
            case _:
                return _response(404, {"error": "no_such_path"})

    def _look_up(self, operation_id: str) -> Response:
        if operation_id in self._in_progress:
            return _response(409, {"error": "in_progress"})
        earlier = self._store.answer(_PREFIX + operation_id)
        if earlier is None:
            return _response(404, {"error": "no_such_operation"})
        return _response(_OK, earlier[1].body)

    async def _put(self, operation_id: str, body: bytes) -> Response:
        fingerprint = hashlib.sha256(body).hexdigest()
        earlier = self._store.answer(_PREFIX + operation_id)
        if earlier is not None:
            same = earlier[0] == fingerprint
            return _response(_OK, earlier[1].body) if same else _response(422, _OTHER)
        if operation_id in self._in_progress:
            return _response(409, {"error": "in_progress"})
        try:
            asked = AskedOperation.model_validate_json(body)
            perform = self._perform[asked.kind]
        except (ValidationError, KeyError):
            return _response(400, {"error": "invalid_operation"})
        drawn = self._faults().drawn(operation_id)
        self._in_progress.add(operation_id)
        try:
            await _hang(drawn.hang_before_s)
            outcome = self._once(operation_id, fingerprint, asked, perform, decline=drawn.decline)
        finally:
            self._in_progress.discard(operation_id)
        await _hang(drawn.hang_after_s)
        return _response(201, outcome)

    def _once(
        self,
        operation_id: str,
        fingerprint: str,
        asked: AskedOperation,
        perform: Callable[[Call], Answer],
        *,
        decline: bool,
    ) -> Json:
        """Do it and keep its outcome, in one transaction."""
        call = Call(
            form=_form(operation_id, asked),
            key=operation_id,
            target=asked.charge or "",
            decline=decline,
        )
        with self._store.transaction():
            try:
                outcome = _outcome(perform(call))
            except ParameterError as error:
                outcome = {"state": "declined", "reference": None, "code": error.code}
            answer = Answer(status=_OK, body=outcome)
            self._store.save_answer(_PREFIX + operation_id, fingerprint, answer)
        return outcome


_OTHER: Final = {"error": "operation_differs"}


def _form(operation_id: str, asked: AskedOperation) -> Form:
    """The operation as the first kind is asked for it."""
    metadata = {
        "metadata[payment_id]": asked.payment_id,
        "metadata[operation_id]": operation_id,
        "metadata[merchant]": asked.merchant,
        "metadata[idempotency_key]": asked.idempotency_key,
        "metadata[request_id]": asked.request_id,
    }
    amount = str(asked.amount)
    match asked.kind:
        case "charge":
            values = {
                "amount": amount,
                "currency": asked.currency,
                "confirm": "true",
                "capture_method": "automatic" if asked.capture else "manual",
                "payment_method": asked.payment_method or "pm_card_visa",
                **metadata,
            }
        case "capture":
            values = {"amount_to_capture": amount}
        case "refund":
            values = {"amount": amount, "payment_intent": asked.charge or "", **metadata}
        case _:
            values = {}
    return Form(values=values)


def _outcome(answer: Answer) -> Json:
    if answer.status == _OK:
        return {"state": "succeeded", "reference": answer.body["id"], "code": None}
    error = answer.body["error"]
    return {
        "state": "declined",
        "reference": error.get("payment_intent", {}).get("id"),
        "code": error.get("decline_code") or error.get("code") or "refused",
    }


def _hang(seconds: float) -> Coroutine[Any, Any, None]:
    return asyncio.sleep(seconds)


def _response(status: int, body: Json) -> Response:
    return Response(
        status=status,
        body=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
