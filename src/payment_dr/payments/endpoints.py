"""A merchant's webhook endpoints: what its API keys may change, once per idempotency key.

Endpoints are part of the merchant's item, so a change at one site is known at the other at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, assert_never

from payment_dr.core.clock import Clock
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.payments.merchants import ENDPOINTS_MAX, Directory, EndpointWrite, Merchant
from payment_dr.payments.requests import check_key, fingerprint_of
from payment_dr.payments.webhooks import WebhookEndpoint, rotated

WRITES_MAX: Final = 32
"""Latest changes of a merchant's endpoints whose idempotency keys are remembered."""

ID_BYTES: Final = 16

_ATTEMPTS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class CreateEndpoint:
    """A new endpoint; its URL has been found fit."""

    url: str
    events: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests only."""
        return fingerprint_of("create", self.url, self.events)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeEndpoint:
    """Another URL or other events; None leaves what is there."""

    endpoint_id: str
    url: str | None
    events: tuple[str, ...] | None

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests only."""
        return fingerprint_of("change", self.endpoint_id, self.url, self.events)


@dataclass(frozen=True, kw_only=True, slots=True)
class RotateSecret:
    """A new secret; the present one signs for `overlap_s` more seconds."""

    endpoint_id: str
    overlap_s: int

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests only."""
        return fingerprint_of("rotate", self.endpoint_id, self.overlap_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class DisableEndpoint:
    """Nothing more is sent there."""

    endpoint_id: str

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests only."""
        return fingerprint_of("disable", self.endpoint_id)


EndpointRequest = CreateEndpoint | ChangeEndpoint | RotateSecret | DisableEndpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointWritten:
    """The endpoint as it is now; `rotation` is that of the secret after this very change."""

    endpoint: WebhookEndpoint
    rotation: int
    replayed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointKeyReused:
    """The key belongs to another change; nothing took effect."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointNotFound:
    """The merchant has no such endpoint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TooManyEndpoints:
    """The merchant has as many as it may; nothing took effect."""


EndpointOutcome = EndpointWritten | EndpointKeyReused | EndpointNotFound | TooManyEndpoints


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoints:
    """The endpoints of merchants in a directory; safe to share between threads.

    `random` gives so many bytes that nobody can guess.
    """

    directory: Directory
    clock: Clock
    random: Callable[[int], bytes]

    def all(self, merchant: str) -> tuple[WebhookEndpoint, ...]:
        """The merchant's endpoints, oldest first; may raise UnavailableError."""
        return self._merchant(merchant).endpoints

    def get(self, merchant: str, endpoint_id: str) -> WebhookEndpoint | None:
        """One of them; None if the merchant has no such one."""
        return _found(self._merchant(merchant), endpoint_id)

    def write(self, merchant: str, request: EndpointRequest, key: str) -> EndpointOutcome:
        """Make the change once per key.

        Raises:
            InvalidRequestError: the key cannot be one.
            UnavailableError: the directory did not answer, or others kept changing it.
        """
        check_key(key)
        new_id = f"we_{self.random(ID_BYTES).hex()}"
        for _ in range(_ATTEMPTS):
            before = self._merchant(merchant)
            known = _known(before, request, key)
            if known is not None:
                return known
            endpoint = _changed(before, request, new_id=new_id, now=self.clock.now())
            if not isinstance(endpoint, WebhookEndpoint):
                return endpoint
            if self.directory.replace_merchant(_with(before, endpoint, request, key)):
                return EndpointWritten(
                    endpoint=endpoint, rotation=endpoint.rotation, replayed=False
                )
        raise UnavailableError(f"the endpoints of {merchant} kept changing")

    def _merchant(self, name: str) -> Merchant:
        merchant = self.directory.merchant(name)
        if merchant is None:
            raise PaymentDrError(f"merchant {name} has keys and no item of its own")
        return merchant


def _known(merchant: Merchant, request: EndpointRequest, key: str) -> EndpointOutcome | None:
    """The answer to a retry; None when the key is new."""
    write = next((w for w in merchant.writes if w.key == key), None)
    if write is None:
        return None
    if write.fingerprint != request.fingerprint:
        return EndpointKeyReused()
    endpoint = _found(merchant, write.endpoint_id)
    if endpoint is None:
        return EndpointNotFound()
    return EndpointWritten(endpoint=endpoint, rotation=write.rotation, replayed=True)


def _changed(
    merchant: Merchant, request: EndpointRequest, *, new_id: str, now: float
) -> WebhookEndpoint | EndpointNotFound | TooManyEndpoints:
    """The endpoint after the change."""
    if isinstance(request, CreateEndpoint):
        if sum(e.disabled_at is None for e in merchant.endpoints) >= ENDPOINTS_MAX:
            return TooManyEndpoints()
        return WebhookEndpoint(
            endpoint_id=new_id, url=request.url, events=request.events, created_at=now
        )
    endpoint = _found(merchant, request.endpoint_id)
    if endpoint is None:
        return EndpointNotFound()
    match request:
        case ChangeEndpoint():
            return replace(
                endpoint,
                url=request.url or endpoint.url,
                events=request.events or endpoint.events,
            )
        case RotateSecret():
            return rotated(endpoint, now, request.overlap_s)
        case DisableEndpoint():
            return replace(endpoint, disabled_at=endpoint.disabled_at or now)
        case unreachable:
            assert_never(unreachable)


def _with(
    merchant: Merchant, endpoint: WebhookEndpoint, request: EndpointRequest, key: str
) -> Merchant:
    """The merchant's next version. A disabled endpoint gives way to a new one, oldest first."""
    others = [e for e in merchant.endpoints if e.endpoint_id != endpoint.endpoint_id]
    endpoints = sorted([*others, endpoint], key=lambda e: (e.created_at, e.endpoint_id))
    if len(endpoints) > ENDPOINTS_MAX:
        endpoints.remove(next(e for e in endpoints if e.disabled_at is not None))
    write = EndpointWrite(
        key=key,
        fingerprint=request.fingerprint,
        endpoint_id=endpoint.endpoint_id,
        rotation=endpoint.rotation,
    )
    return replace(
        merchant,
        endpoints=tuple(endpoints),
        writes=(*merchant.writes, write)[-WRITES_MAX:],
        version=merchant.version + 1,
    )


def _found(merchant: Merchant, endpoint_id: str) -> WebhookEndpoint | None:
    return next((e for e in merchant.endpoints if e.endpoint_id == endpoint_id), None)
