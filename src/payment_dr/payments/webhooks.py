"""Webhooks to merchants, the pure part: endpoints, their secrets, signatures, and when to retry.

A signature is `t=<Unix seconds>,v1=<HMAC-SHA-256 of "<t>.<body>" in hex>`; while a secret is being
rotated there is one `v1` for each that still works. Secrets are not stored anywhere: each follows
from one master key, the endpoint and the number of its rotation.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final
from urllib.parse import urlsplit

from payment_dr.core.errors import PaymentDrError

SIGNATURE_HEADER: Final = "payment-signature"

WINDOW_S: Final = 300
"""How old a signature may be, and how far ahead: older ones may be replays."""

OVERLAP_S: Final = 24 * 3600
"""How long the secret before the current one still signs, unless the rotation says otherwise."""

ATTEMPTS_MAX: Final = 18
FIRST_PAUSE_S: Final = 10.0
PAUSE_MAX_S: Final = 12 * 3600.0
_JITTER: Final = 0.2

URL_CHARS_MAX: Final = 500
EVENTS_ALL: Final = "*"

_SIGNATURE: Final = re.compile(r"t=(\d{1,12})((?:,v1=[0-9a-f]{64}){1,4})")
_PORTS: Final = frozenset({None, 443})
_HOST: Final = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookEndpoint:
    """Where a merchant wants its events; times are Unix seconds.

    `rotation` numbers the current secret from 1; the one before it works until `previous_until`.
    `events` are the types it wants, or `*` alone for all. Nothing is sent once it is disabled.
    """

    endpoint_id: str
    url: str
    events: tuple[str, ...]
    created_at: float
    rotation: int = 1
    previous_until: float = 0.0
    disabled_at: float | None = None

    def wants(self, event_type: str) -> bool:
        """Whether events of that type go there."""
        return self.disabled_at is None and (EVENTS_ALL in self.events or event_type in self.events)


@unique
class UrlFault(StrEnum):
    """Why a URL is refused before anything is asked of it."""

    TOO_LONG = f"is longer than {URL_CHARS_MAX} characters"
    NOT_HTTPS = "is not https"
    CREDENTIALS = "holds a user or a password"
    PORT = "names a port other than 443"
    HOST = "names no public host: an address, a single label, or none"
    FRAGMENT = "has a fragment"


def url_fault(url: str) -> UrlFault | None:
    """What is wrong with an endpoint's URL; None when it may be asked, at a public address."""
    if len(url) > URL_CHARS_MAX:
        return UrlFault.TOO_LONG
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return UrlFault.HOST
    checks = (
        (parts.scheme == "https", UrlFault.NOT_HTTPS),
        ("@" not in parts.netloc, UrlFault.CREDENTIALS),
        (port in _PORTS, UrlFault.PORT),
        (_HOST.fullmatch(parts.hostname or "") is not None, UrlFault.HOST),
        (not parts.fragment, UrlFault.FRAGMENT),
    )
    return next((fault for is_well, fault in checks if not is_well), None)


def rotated(endpoint: WebhookEndpoint, now: float, overlap_s: float = OVERLAP_S) -> WebhookEndpoint:
    """The endpoint with a new secret; the present one still signs for `overlap_s`."""
    return replace(endpoint, rotation=endpoint.rotation + 1, previous_until=now + overlap_s)


def secret_of(master: bytes, endpoint: WebhookEndpoint, rotation: int) -> str:
    """The secret of one rotation, as the merchant is shown it: `whsec_` and 64 characters."""
    name = f"webhook:{endpoint.endpoint_id}:{rotation}"
    return f"whsec_{hmac.new(master, name.encode(), hashlib.sha256).hexdigest()}"


def secrets_of(master: bytes, endpoint: WebhookEndpoint, now: float) -> tuple[str, ...]:
    """The secrets that sign now, the current one first."""
    rotations = [endpoint.rotation]
    if now < endpoint.previous_until:
        rotations.append(endpoint.rotation - 1)
    return tuple(secret_of(master, endpoint, rotation) for rotation in rotations)


def signature(secrets: Sequence[str], body: bytes, now: float) -> str:
    """The header's value for a body that is sent now."""
    at = int(now)
    return ",".join([f"t={at}", *(f"v1={_mac(secret, at, body)}" for secret in secrets)])


def verify(
    header: str, body: bytes, secrets: Sequence[str], *, now: float, window_s: float = WINDOW_S
) -> None:
    """Return if one of the secrets signed the body within the window.

    Args:
        header: the value of `Payment-Signature`.
        body: the bytes as received, before any parsing.
        secrets: those that the receiver holds, more than one during a rotation.
        now: Unix seconds.
        window_s: longest age in seconds, and longest way ahead.

    Raises:
        PaymentDrError: it is malformed, too old, or of somebody else.
    """
    match = _SIGNATURE.fullmatch(header)
    if match is None:
        raise PaymentDrError("the Payment-Signature header is malformed")
    at = int(match[1])
    if abs(now - at) > window_s:
        raise PaymentDrError(f"the signature is {now - at:.0f} s old; {window_s:g} s are allowed")
    given = [part.removeprefix("v1=") for part in match[2].split(",")[1:]]
    # Every pair is compared, so that time tells nothing of which one nearly matched.
    equal = [
        hmac.compare_digest(_mac(secret, at, body), one) for secret in secrets for one in given
    ]
    if not any(equal):
        raise PaymentDrError("no secret of this endpoint made that signature")


def pause_before(attempt: int, chance: float) -> float | None:
    """Seconds to wait after `attempt` failed; None when it was the last.

    Args:
        attempt: which one failed, from 1.
        chance: 0 to 1, spreads retries by up to a fifth either way.
    """
    if attempt >= ATTEMPTS_MAX:
        return None
    pause = min(FIRST_PAUSE_S * 2.0 ** (attempt - 1), PAUSE_MAX_S)
    return pause * (1 - _JITTER + 2 * _JITTER * chance)


def _mac(secret: str, at: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
