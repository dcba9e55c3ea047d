"""Rules of composite alarms: ALARM(), OK() and INSUFFICIENT_DATA() under AND, OR and NOT.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
Names may be quoted, and may be ARNs; NOT binds closest, then AND, then OR.
"""

import re
from collections.abc import Mapping
from typing import Final

from payment_dr.lab.alarms.model import State
from payment_dr.lab.alarms.reader import Reader
from payment_dr.lab.errors import LabError

_TOKEN: Final = re.compile(r'\s*(?:([()])|"([^"]+)"|([^\s()"]+))')


def holds(rule: str, states: Mapping[str, State]) -> bool:
    """Whether a rule holds, given the state of each alarm by name.

    Raises:
        LabError: the rule cannot be read, or names an alarm that there is not.
    """
    reader = _Reader(rule, states)
    return reader.whole()


class _Reader:
    """Reads and decides in one pass; each level of binding is a method."""

    def __init__(self, rule: str, states: Mapping[str, State]) -> None:
        self._rule = rule
        self._states = states
        self._reader = Reader(rule, _TOKEN, f"the rule {rule!r} cannot be read")

    def whole(self) -> bool:
        value = self._or()
        self._reader.expect_end()
        return value

    def _or(self) -> bool:
        value = self._and()
        while self._next("OR"):
            # Both sides are always read: what is wrong on the right is found in any state.
            right = self._and()
            value = value or right
        return value

    def _and(self) -> bool:
        value = self._not()
        while self._next("AND"):
            right = self._not()
            value = value and right
        return value

    def _not(self) -> bool:
        if self._next("NOT"):
            return not self._not()
        if self._next("("):
            value = self._or()
            self._reader.expect(")")
            return value
        word = self._reader.take()
        if word in {"TRUE", "FALSE"}:
            return word == "TRUE"
        return self._state(word)

    def _state(self, word: str) -> bool:
        if word not in set(State):
            raise self._reader.refused(word)
        self._reader.expect("(")
        name = self._reader.take().rsplit(":alarm:", 1)[-1]
        self._reader.expect(")")
        if name not in self._states:
            raise LabError(f"the rule {self._rule!r} names {name!r}, and there is no such alarm")
        return self._states[name] is State(word)

    def _next(self, word: str) -> bool:
        found = self._reader.at({word})
        if found:
            self._reader.take()
        return found
