"""Who sends a request: the API key in its header, looked up where both sites see the same.

What is known of a key is kept for at most `payments.key_age_s`, so that a revoked one works no
longer than that anywhere. An unknown key id costs the same look-up and comparison as a known one.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from payment_dr.adapters.cached import Cached
from payment_dr.core.clock import Clock
from payment_dr.core.mode import Mode
from payment_dr.payments.merchants import ApiKey, Identity, identify, key_id_of

KEPT_MAX: Final = 10_000
"""Key ids that are remembered at once; the longest unused one is forgotten first."""

_SCHEME: Final = "Bearer "


class Authenticator:
    """Identifies merchants; safe to share between threads.

    Args:
        read_key: a strongly consistent read by key id; may raise UnavailableError.
        mode: of this environment.
        clock: for expiry and ages.
        age_s: how long what was read is used.
        stale_s: how long it is used while the read fails; 0 for not at all.
    """

    def __init__(
        self,
        read_key: Callable[[str], ApiKey | None],
        *,
        mode: Mode,
        clock: Clock,
        age_s: float,
        stale_s: float = 0,
    ) -> None:
        self._read_key = read_key
        self._mode = mode
        self._clock = clock
        self._age_s = age_s
        self._stale_s = stale_s
        self._lock = Lock()
        self._kept: OrderedDict[str, Cached[ApiKey | None]] = OrderedDict()

    def __call__(self, authorization: str) -> Identity | None:
        """The merchant behind an `Authorization: Bearer <key>` header, empty without one.

        Raises:
            UnavailableError: the key could not be read.
        """
        if not authorization.startswith(_SCHEME):
            return None
        presented = authorization.removeprefix(_SCHEME)
        key_id = key_id_of(presented)
        stored = None if key_id is None else self._cached(key_id)()
        return identify(presented, stored, mode=self._mode, now=self._clock.now())

    def _cached(self, key_id: str) -> Cached[ApiKey | None]:
        with self._lock:
            found = self._kept.get(key_id)
            if found is None:
                found = self._kept[key_id] = Cached(
                    lambda: self._read_key(key_id),
                    clock=self._clock,
                    age_s=self._age_s,
                    stale_s=self._stale_s,
                )
                if len(self._kept) > KEPT_MAX:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end(key_id)
            return found
