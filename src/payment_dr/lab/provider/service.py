"""The provider's HTTP API: who may call, what was asked before, what goes wrong on purpose."""

import asyncio
import json
import re
import uuid
from collections.abc import Callable
from http import HTTPStatus
from itertools import count
from typing import Final

from pydantic import TypeAdapter, ValidationError

from payment_dr.lab.http_server import Request, Response
from payment_dr.lab.provider.acquirer import Acquirer
from payment_dr.lab.provider.answers import Answer, Json, done, missing, refused
from payment_dr.lab.provider.faults import Faults
from payment_dr.lab.provider.forms import Form, ParameterError
from payment_dr.lab.provider.operations import Call, Operations
from payment_dr.lab.provider.store import SEARCHABLE, Store
from payment_dr.lab.provider.webhooks import Webhooks, WebhookTarget

_QUERY: Final = re.compile(r"""metadata\[['"](\w+)['"]\]:['"]([^'"]*)['"]""")
_PAGE_MAX: Final = 100
_REQUEST_IDS: Final = count(1)
_TARGET: Final = TypeAdapter[WebhookTarget | None](WebhookTarget | None)

Perform = Callable[[Call], Answer]


class Provider:
    """Answers requests one at a time; only hanging ones overlap."""

    def __init__(self, store: Store) -> None:
        self.faults = Faults()
        self.webhooks = Webhooks()
        self._store = store
        self._operations = Operations(store)
        self._acquirer = Acquirer(store, self._operations, lambda: self.faults)
        self._in_progress: set[str] = set()

    async def serve(self, request: Request) -> Response:
        """Answer one request."""
        path = request.path.strip("/").split("/")
        if path[0] == "_lab":
            return self._lab(request, path[1:])
        if not request.headers.get("authorization", "").startswith("Bearer sk_test_"):
            return _response(
                refused("Invalid API Key provided; it starts with sk_test_.", status=401)
            )
        if path[:2] == ["acquirer", "v1"]:
            return await self._acquirer.serve(request, path[2:])
        if request.method == "POST":
            return await self._change(request, path)
        return _response(self._read(path, Form.parse(request.query)))

    def _read(self, path: list[str], form: Form) -> Answer:
        match path:
            case ["v1", "balance"]:
                return done({"object": "balance", "livemode": False, "available": []})
            case ["v1", "payment_intents", "search"]:
                return self._search(form)
            case ["v1", "payment_intents", identifier]:
                found = self._store.intent(identifier)
                return done(found) if found else missing("payment_intent", identifier)
            case ["v1", "refunds"]:
                return self._refunds(form)
            case ["v1", "refunds", identifier]:
                found = self._store.refund(identifier)
                return done(found) if found else missing("refund", identifier)
            case _:
                return _unrecognised(path)

    def _search(self, form: Form) -> Answer:
        query = _QUERY.fullmatch(form.values.get("query", "").strip())
        if query is None or query[1] not in SEARCHABLE:
            return refused(f"The simulator searches by one of metadata {sorted(SEARCHABLE)}.")
        found = self._store.intents(query[1], query[2], _PAGE_MAX)
        return done(
            {
                "object": "search_result",
                "url": "/v1/payment_intents/search",
                "has_more": False,
                "next_page": None,
                "data": found,
            }
        )

    def _refunds(self, form: Form) -> Answer:
        found = self._store.refunds(form.values.get("payment_intent", ""))
        limit = int(form.values.get("limit", "10"))
        return done(
            {
                "object": "list",
                "url": "/v1/refunds",
                "has_more": len(found) > limit,
                "data": found[:limit],
            }
        )

    async def _change(self, request: Request, path: list[str]) -> Response:
        perform, target = self._operation(path)
        if perform is None:
            return _response(_unrecognised(path))
        form = Form.parse(request.body.decode())
        key = request.headers.get("idempotency-key")
        fingerprint = form.fingerprint(request.path)
        before = self._before(key, fingerprint)
        if before is not None:
            return before
        faults = self.faults.drawn(key or uuid.uuid4().hex)
        call = Call(form=form, key=key, target=target, decline=faults.decline)
        self._in_progress.add(key or "")
        try:
            await _hang(faults.hang_before_s)
            answer = self._perform(perform, call, fingerprint)
            self.webhooks.tell(answer.body)
        finally:
            self._in_progress.discard(key or "")
        await _hang(faults.hang_after_s)
        return _response(answer)

    def _operation(self, path: list[str]) -> tuple[Perform | None, str]:
        match path:
            case ["v1", "payment_intents"]:
                return self._operations.charge, ""
            case ["v1", "payment_intents", target, "capture"]:
                return self._operations.capture, target
            case ["v1", "payment_intents", target, "cancel"]:
                return self._operations.cancel, target
            case ["v1", "refunds"]:
                return self._operations.refund, ""
            case _:
                return None, ""

    def _before(self, key: str | None, fingerprint: str) -> Response | None:
        """What an earlier request with the key decides; None if there was none."""
        if key is None:
            return None
        if key in self._in_progress:
            return _response(
                refused(
                    "There is another request in progress with this Idempotency-Key.",
                    status=409,
                    code="idempotency_key_in_use",
                )
            )
        earlier = self._store.answer(key)
        if earlier is None:
            return None
        if earlier[0] != fingerprint:
            return _response(
                refused(
                    f"Keys for idempotent requests can only be used with the same parameters they "
                    f"were first used with. Try another key than '{key}'.",
                    kind="idempotency_error",
                )
            )
        return _response(earlier[1], {"idempotent-replayed": "true"})

    def _perform(self, perform: Perform, call: Call, fingerprint: str) -> Answer:
        try:
            with self._store.transaction():
                answer = perform(call)
                if call.key is not None:
                    self._store.save_answer(call.key, fingerprint, answer)
        except ParameterError as error:  # nothing was begun, so the key stays unused
            return refused(error.message, code=error.code, param=error.param)
        return answer

    def _lab(self, request: Request, path: list[str]) -> Response:
        match request.method, path:
            case "GET", ["rows"]:
                lines = b"".join(row + b"\n" for row in self._store.effects())
                return Response(status=HTTPStatus.OK, body=lines)
            case "GET", ["faults"]:
                return _response(done(self.faults.model_dump()))
            case "POST", ["faults"]:
                try:
                    self.faults = Faults.model_validate_json(request.body)
                except ValidationError as error:
                    return _response(refused(str(error)))
                return _response(done(self.faults.model_dump()))
            case "POST", ["webhooks"]:
                return self._tell(request)
            case _:
                return _response(_unrecognised(path))

    def _tell(self, request: Request) -> Response:
        """Tell of changes from now on, or to nobody if the body is `null`."""
        try:
            self.webhooks.target = _TARGET.validate_json(request.body)
        except ValidationError as error:
            return _response(refused(str(error)))
        return _response(done({"told": self.webhooks.target is not None}))


async def _hang(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)


def _unrecognised(path: list[str]) -> Answer:
    return refused(f"Unrecognized request URL (/{'/'.join(path)}).", status=404)


def _response(answer: Answer, headers: Json | None = None) -> Response:
    return Response(
        status=answer.status,
        body=json.dumps(answer.body).encode(),
        headers={
            "content-type": "application/json",
            "request-id": f"req_{next(_REQUEST_IDS):014d}",
            **(headers or {}),
        },
    )
