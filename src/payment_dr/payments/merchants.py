"""Merchants, their API keys and what a key may do; pure, with the port to where they are kept.

A key is `sk_<mode>_<key id>_<secret>`. It is shown once; what is stored is a digest, found by the
key id, which is no secret. A secret has 256 random bits, so a plain SHA-256 is as good as a slow
hash: there is nothing to guess.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final, Protocol

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.mode import Mode
from payment_dr.payments.webhooks import WebhookEndpoint

KEYS_MAX: Final = 20
"""Keys of one merchant, revoked ones aside."""

ENDPOINTS_MAX: Final = 10
"""Webhook endpoints of one merchant."""

ID_BYTES: Final = 10
SECRET_BYTES: Final = 32

_MERCHANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_KEY: Final = re.compile(r"sk_(test|live)_([a-z2-7]{16})_([A-Za-z0-9_-]{43})")
_NOBODY: Final = hashlib.sha256(b"nobody's").hexdigest()


@unique
class Scope(StrEnum):
    """What a key may be used for."""

    PAYMENTS_WRITE = "payments:write"
    PAYMENTS_READ = "payments:read"
    LEDGER_READ = "ledger:read"
    WEBHOOKS_WRITE = "webhooks:write"


ALL_SCOPES: Final = frozenset(Scope)


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """A key as stored; times are Unix seconds.

    `digest` is the SHA-256 of the whole key in hex. It works until `expires_at` (None: for ever)
    or `revoked_at`, whichever comes first.
    """

    key_id: str
    merchant: str
    mode: Mode
    digest: str
    scopes: frozenset[Scope]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    version: int = 1

    def works(self, now: float) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointWrite:
    """A change of an endpoint under its idempotency key; `rotation` is the secret's after it."""

    key: str
    fingerprint: str
    endpoint_id: str
    rotation: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Merchant:
    """A merchant: the ids of its keys, its webhook endpoints, and since when it is disabled.

    `writes` are the latest changes of its endpoints, oldest first, so that retries are known.
    """

    merchant: str
    created_at: float
    keys: tuple[str, ...] = ()
    disabled_at: float | None = None
    endpoints: tuple[WebhookEndpoint, ...] = ()
    writes: tuple[EndpointWrite, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        if not _MERCHANT.fullmatch(self.merchant):
            raise PaymentDrError(
                f"merchant {self.merchant!r} must be 1 to 63 of a-z, 0-9 and -, e.g. 'acme'"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who asks, and what it may do."""

    merchant: str
    key_id: str
    scopes: frozenset[Scope]


class Directory(Protocol):
    """Where merchants and keys are kept, the same at both sites at once.

    Every method may raise `UnavailableError`. Writes are conditional: False means that nothing
    was written, since there is one already, or since somebody else wrote the version meanwhile.
    """

    def key(self, key_id: str) -> ApiKey | None:
        """The key of that id, revoked and expired ones too; None if there never was one."""
        ...

    def merchant(self, name: str) -> Merchant | None:
        """The merchant of that name; None if there is none."""
        ...

    def merchants(self) -> tuple[str, ...]:
        """The names of all merchants, sorted."""
        ...

    def add_merchant(self, merchant: Merchant) -> bool:
        """Write a new merchant."""
        ...

    def add_key(self, key: ApiKey) -> bool:
        """Write a new key."""
        ...

    def replace_merchant(self, merchant: Merchant) -> bool:
        """Write the next version of a merchant."""
        ...

    def replace_key(self, key: ApiKey) -> bool:
        """Write the next version of a key."""
        ...


def key_id_of(presented: str) -> str | None:
    """The id in what looks like a key; None when it does not look like one."""
    match = _KEY.fullmatch(presented)
    return None if match is None else match[2]


def new_key(
    merchant: str, mode: Mode, scopes: frozenset[Scope], *, random: bytes, now: float
) -> tuple[ApiKey, str]:
    """A new key and the text that is shown once.

    Args:
        merchant: whose.
        mode: whether it moves real money.
        scopes: what it may do.
        random: `ID_BYTES` + `SECRET_BYTES` bytes that nobody can guess.
        now: Unix seconds.
    """
    key_id = base64.b32encode(random[:ID_BYTES]).decode().lower()
    secret = base64.urlsafe_b64encode(random[ID_BYTES:]).decode().rstrip("=")
    text = f"sk_{mode}_{key_id}_{secret}"
    key = ApiKey(
        key_id=key_id,
        merchant=merchant,
        mode=mode,
        digest=_digest(text),
        scopes=scopes,
        created_at=now,
    )
    return key, text


def adopted_key(merchant: str, text: str, scopes: frozenset[Scope], *, now: float) -> ApiKey | None:
    """The key of a text that was made elsewhere; None when it is not one."""
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    return ApiKey(
        key_id=match[2],
        merchant=merchant,
        mode=Mode(match[1]),
        digest=_digest(text),
        scopes=scopes,
        created_at=now,
    )


def identify(presented: str, stored: ApiKey | None, *, mode: Mode, now: float) -> Identity | None:
    """Who presents a key, or None.

    A digest is compared whether or not there is such a key, in constant time: how long it takes
    tells nothing.

    Args:
        presented: the text.
        stored: the key of its id, None if there is none.
        mode: of this environment; keys of the other one do not work.
        now: Unix seconds.
    """
    digest = _NOBODY if stored is None else stored.digest
    is_equal = hmac.compare_digest(_digest(presented), digest)
    if stored is None or not is_equal or stored.mode is not mode or not stored.works(now):
        return None
    return Identity(merchant=stored.merchant, key_id=stored.key_id, scopes=stored.scopes)


def revoked(key: ApiKey, now: float) -> ApiKey:
    """The key, of no use from now on."""
    return replace(key, revoked_at=now, version=key.version + 1)


def expiring(key: ApiKey, at: float) -> ApiKey:
    """The key, which works until then at most: a successor has been made."""
    until = at if key.expires_at is None else min(at, key.expires_at)
    return replace(key, expires_at=until, version=key.version + 1)


def with_key(merchant: Merchant, key_id: str) -> Merchant:
    """The merchant with one key more.

    Raises:
        PaymentDrError: it has as many as it may.
    """
    if len(merchant.keys) >= KEYS_MAX:
        raise PaymentDrError(
            f"{merchant.merchant} has {KEYS_MAX} keys already",
            remedy="payment-dr keys list, then revoke what is not used any more",
        )
    keys = (*merchant.keys, key_id)
    return replace(merchant, keys=keys, version=merchant.version + 1)


def without_key(merchant: Merchant, key_id: str) -> Merchant:
    """The merchant without that key."""
    keys = tuple(known for known in merchant.keys if known != key_id)
    return replace(merchant, keys=keys, version=merchant.version + 1)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
