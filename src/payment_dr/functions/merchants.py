"""Which merchant an API key belongs to. Only digests of keys are stored anywhere."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

_SCHEME: Final = "Bearer "


def merchant_of(authorization: str, digests: Mapping[str, str]) -> str | None:
    """The merchant of an `Authorization: Bearer <key>` header, or None.

    Every entry is compared, each in constant time: how long it takes tells nothing about the key.

    Args:
        authorization: the header's value, empty without one.
        digests: SHA-256 of the keys in lower-case hex, by merchant.
    """
    if not authorization.startswith(_SCHEME):
        return None
    key = authorization.removeprefix(_SCHEME).encode(errors="surrogatepass")
    presented = hashlib.sha256(key).hexdigest().encode()
    found = None
    for merchant, digest in digests.items():
        if hmac.compare_digest(presented, digest.encode()):
            found = merchant
    return found
