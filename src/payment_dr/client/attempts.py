"""When to try again and what the tries together mean; no I/O, so that any transport can use it.

Tried again, with the same key: no answer, 202, 409, 429 and 5xx. Whatever was not settled by an
answer that rests on the payment's own record may have happened.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

RETRY_AFTER_MAX_S: Final = 30.0

_AGAIN: Final = frozenset({HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS})
"""Besides 5xx."""

_WITHOUT_EFFECT: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})
"""Of those to be tried again: nothing took effect, and nothing is under way."""

_SETTLING: Final = frozenset(
    {HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""Refusals decided from the payment's record, so they also settle what earlier tries did."""


class Attempts:
    """The tries of one operation.

    Args:
        most: how many at most.
        backoff_s: pause before the second, doubled for each further one.
        backoff_max_s: longest pause.
        chance: a number from 0 to 1 each time, to spread clients.
    """

    def __init__(
        self, *, most: int, backoff_s: float, backoff_max_s: float, chance: Callable[[], float]
    ) -> None:
        self._most = most
        self._backoff_s = backoff_s
        self._backoff_max_s = backoff_max_s
        self._chance = chance
        self._made = 0
        self._asked_s = 0.0
        self.may_have_acted = False

    @property
    def left(self) -> bool:
        """Whether there may be another try."""
        return self._made < self._most

    def begin(self) -> float:
        """Count a try that is about to be made; returns the seconds to wait before it."""
        pause = 0.0
        if self._made:
            longest = min(self._backoff_max_s, self._backoff_s * 2.0 ** (self._made - 1))
            pause = max(longest * (1 + self._chance()) / 2, self._asked_s)
        self._made += 1
        self._asked_s = 0.0
        return pause

    def unanswered(self, *, sent: bool) -> None:
        """The try had no answer; `sent` is whether anything may have reached the service."""
        self.may_have_acted = self.may_have_acted or sent

    def answered(self, status: int, retry_after: str = "") -> bool:
        """The try had an answer; returns whether it is the last word.

        Args:
            status: of HTTP.
            retry_after: the header's value; anything but whole seconds counts as absent.
        """
        again = status in _AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        if again:
            self.may_have_acted = self.may_have_acted or status not in _WITHOUT_EFFECT
            if retry_after.isascii() and retry_after.isdecimal():
                self._asked_s = min(float(retry_after), RETRY_AFTER_MAX_S)
        return not again

    def is_settled_by(self, status: int) -> bool:
        """Whether a last word of that status tells what all tries together did."""
        succeeded = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
        return succeeded or not self.may_have_acted or status in _SETTLING
