"""The client's calls. Writes are carried on until their outcome is known, with one key."""

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

import msgspec

from payment_dr.adapters.clock import SystemClock
from payment_dr.client.answers import Page, Payment, Problem
from payment_dr.client.attempts import Attempts
from payment_dr.client.errors import DeclinedError, OutcomeUnknownError, RefusedError
from payment_dr.client.journal import KeyJournal, Unresolved
from payment_dr.client.transport import Answer, NoAnswerError, Transport
from payment_dr.core.clock import Clock
from payment_dr.payments.webhooks import OVERLAP_S

ATTEMPTS_MAX: Final = 30
BACKOFF_S: Final = 0.25
BACKOFF_MAX_S: Final = 8.0
_PAGES_MAX: Final = 100_000
_ENDPOINTS: Final = "/v1/webhook_endpoints"


class PaymentClient:
    """Calls of one merchant; safe to share between threads. Use it as a context manager.

    Args:
        url: the service's, e.g. `https://api.payments.example`.
        api_key: the merchant's.
        journal: keeps keys over crashes of this process; without one, `OutcomeUnknownError` and a
            crash leave it to the caller to know the key.
        timeout_s: longest wait for one answer.
        deadline_s: longest time for one call with all its tries.
        connections: requests that may be under way at once.
        dns_s: how old the knowledge of the service's address may get; the record's TTL.
        clock: the present, and waiting.
    """

    def __init__(  # noqa: PLR0913 - each has a default that is right for most
        self,
        url: str,
        api_key: str,
        *,
        journal: KeyJournal | None = None,
        timeout_s: float = 12.0,
        deadline_s: float = 180.0,
        connections: int = 10,
        dns_s: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        self._transport = Transport(url, timeout_s=timeout_s, connections=connections, dns_s=dns_s)
        self._authorization = f"Bearer {api_key}"
        self._journal = journal
        self._deadline_s = deadline_s
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections; the journal stays open."""
        self._transport.close()

    def pay(  # noqa: PLR0913 - as the API has it
        self,
        *,
        amount: int,
        currency: str,
        payment_method: str,
        capture: bool = True,
        metadata: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Payment:
        """Charge, or only authorise with `capture=False`; the amount is in minor units.

        Args:
            amount: minor units of the currency.
            currency: ISO 4217.
            payment_method: the provider's token.
            capture: whether to take the money at once.
            metadata: kept with the payment.
            key: the idempotency key; your order's id is a good one. A new one by default.

        Raises:
            DeclinedError: refused for good.
            RefusedError: the request was not taken.
            OutcomeUnknownError: no outcome within the deadline; call again with its `key`.
        """
        body: dict[str, Any] = {
            "amount": amount,
            "currency": currency,
            "payment_method": payment_method,
            "capture": capture,
        }
        if metadata:
            body["metadata"] = dict(metadata)
        return self._write("/v1/payments", body, key)

    def capture(self, payment_id: str, *, amount: int, key: str | None = None) -> Payment:
        """Take all or part of what was authorised. Raises like `pay`."""
        return self._write(_path(payment_id, "captures"), {"amount": amount}, key)

    def refund(self, payment_id: str, *, amount: int, key: str | None = None) -> Payment:
        """Give back all or part of what was captured. Raises like `pay`."""
        return self._write(_path(payment_id, "refunds"), {"amount": amount}, key)

    def void(self, payment_id: str, *, key: str | None = None) -> Payment:
        """Free what was authorised. Raises like `pay`."""
        return self._write(_path(payment_id, "void"), {}, key)

    def payment(self, payment_id: str) -> Payment:
        """The payment as every earlier answer left it. Raises like `pay`."""
        return _payment(self._read(_path(payment_id)))

    def payments(self, *, limit: int = 100) -> Iterator[Mapping[str, Any]]:
        """Every payment of the merchant, newest first, `limit` a page."""
        return self._pages("/v1/payments", limit)

    def events(self, *, limit: int = 100) -> Iterator[Mapping[str, Any]]:
        """Every event of the merchant, newest first, `limit` a page."""
        return self._pages("/v1/events", limit)

    def entries(self, *, limit: int = 100) -> Iterator[Mapping[str, Any]]:
        """Every journal entry of the merchant, newest first, `limit` a page."""
        return self._pages("/v1/ledger_entries", limit)

    def balances(self) -> Page:
        """What each account holds, by currency."""
        return _page(self._read("/v1/balances"))

    def webhook_endpoints(self) -> Page:
        """The merchant's webhook endpoints, without their secrets."""
        return _page(self._read(_ENDPOINTS))

    def create_webhook_endpoint(
        self, url: str, events: Sequence[str] = ("*",), *, key: str | None = None
    ) -> Page:
        """Have events sent to a URL; the answer holds the `secret` that signs them.

        Args:
            url: https, at a public host.
            events: types of events; all by default.
            key: the idempotency key, which also shows the secret again. A new one by default.

        Raises:
            RefusedError: the request was not taken.
            OutcomeUnknownError: no outcome within the deadline; call again with its `key`.
        """
        return self._change(_ENDPOINTS, {"url": url, "events": list(events)}, key)

    def rotate_webhook_secret(
        self, endpoint_id: str, *, overlap_s: int = OVERLAP_S, key: str | None = None
    ) -> Page:
        """Replace the secret; for `overlap_s` seconds both sign. Raises like the creation."""
        path = f"{_ENDPOINTS}/{quote(endpoint_id, safe='')}/rotate_secret"
        return self._change(path, {"overlap_s": overlap_s}, key)

    def disable_webhook_endpoint(self, endpoint_id: str, *, key: str | None = None) -> Page:
        """Send nothing more there. Raises like the creation."""
        return self._change(f"{_ENDPOINTS}/{quote(endpoint_id, safe='')}/disable", {}, key)

    def resume(self) -> tuple[Payment | DeclinedError | RefusedError, ...]:
        """Carry on every request of the journal to its outcome, oldest first.

        Call it when the process starts: what was under way when it last ended is settled by it.

        Raises:
            OutcomeUnknownError: one is still not known; those before it are settled.
        """
        pending = () if self._journal is None else self._journal.unresolved()
        return tuple(self._resumed(request) for request in pending)

    def _resumed(self, request: Unresolved) -> Payment | DeclinedError | RefusedError:
        try:
            return self._settle(request)
        except (DeclinedError, RefusedError) as error:
            return error

    def _write(self, path: str, body: Mapping[str, Any], key: str | None) -> Payment:
        request = Unresolved(
            key=key or str(uuid.uuid4()),
            path=path,
            body=msgspec.json.encode(body),
            since=self._clock.now(),
        )
        if self._journal is not None:
            self._journal.begin(request)
        return self._settle(request)

    def _change(self, path: str, body: Mapping[str, Any], key: str | None) -> Page:
        """A change that moves no money, so no journal keeps its key."""
        return _page(self._post(path, msgspec.json.encode(body), key or str(uuid.uuid4())))

    def _post(self, path: str, body: bytes, key: str) -> Answer:
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return self._until_known("POST", path, headers, body, key)

    def _settle(self, request: Unresolved) -> Payment:
        answer = self._post(request.path, request.body, request.key)
        if self._journal is not None:
            self._journal.settle(request.key)
        return _payment(answer)

    def _read(self, path: str) -> Answer:
        return self._until_known("GET", path, {}, b"", "")

    def _until_known(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, key: str
    ) -> Answer:
        """Try until the outcome is known; OutcomeUnknownError when time or tries are used up."""
        attempts = Attempts(
            most=ATTEMPTS_MAX,
            backoff_s=BACKOFF_S,
            backoff_max_s=BACKOFF_MAX_S,
            chance=random.random,
        )
        deadline = self._clock.monotonic() + self._deadline_s
        sent = {"Authorization": self._authorization, **headers}
        last = "it was not tried"
        while attempts.left:
            pause = attempts.begin()
            if self._clock.monotonic() + pause >= deadline:
                break
            self._clock.sleep(pause)
            try:
                answer = self._transport.send(method, path, sent, body)
            except NoAnswerError as error:
                attempts.unanswered(sent=error.sent)
                last = str(error)
                continue
            last = f"HTTP {answer.status}"
            is_last_word = attempts.answered(answer.status, answer.headers.get("retry-after", ""))
            if is_last_word and attempts.is_settled_by(answer.status):
                return answer
            if is_last_word:
                break
        raise OutcomeUnknownError(key, last)

    def _pages(self, path: str, limit: int) -> Iterator[Mapping[str, Any]]:
        cursor: dict[str, Any] = {}
        for _ in range(_PAGES_MAX):
            query = urlencode({"limit": limit, **cursor})
            page = _page(self._read(f"{path}?{query}"))
            yield from page["data"]
            if not page["has_more"]:
                return
            cursor = {"cursor": page["next_cursor"]}
        raise RefusedError(HTTPStatus.OK, "endless_list", f"more than {_PAGES_MAX} pages")


def _path(payment_id: str, operation: str = "") -> str:
    return "/".join(
        ["/v1/payments", quote(payment_id, safe=""), *([operation] if operation else [])]
    )


def _page(answer: Answer) -> Page:
    """An object in an answer, as it is."""
    _require_success(answer)
    try:
        page: Page = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise RefusedError(answer.status, "unreadable", str(error)) from error
    return page


def _payment(answer: Answer) -> Payment:
    if answer.status == HTTPStatus.PAYMENT_REQUIRED:
        declined = _decoded(answer)
        raise DeclinedError(declined.decline_code or "declined", declined)
    _require_success(answer)
    return _decoded(answer)


def _require_success(answer: Answer) -> None:
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return
    try:
        found = msgspec.json.decode(answer.body, type=Problem)
    except msgspec.DecodeError:
        found = Problem(detail="the answer cannot be read")
    raise RefusedError(answer.status, found.code, found.detail)


def _decoded(answer: Answer) -> Payment:
    """The payment in an answer; one that cannot be read is none of the service's."""
    try:
        payment = msgspec.json.decode(answer.body, type=Payment)
    except msgspec.DecodeError as error:
        raise RefusedError(answer.status, "unreadable", str(error)) from error
    replayed = answer.headers.get("idempotent-replayed") == "true"
    return msgspec.structs.replace(payment, replayed=replayed)
