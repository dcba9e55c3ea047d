"""Rules of composite alarms: ALARM(), OK() and INSUFFICIENT_DATA() under AND, OR and NOT.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
Names may be quoted, and may be ARNs; NOT binds closest, then AND, then OR.
"""

import re
from collections.abc import Mapping
from typing import Final

from payment_dr.lab.alarms.model import State
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
        self._tokens = _tokens(rule)

    def whole(self) -> bool:
        value = self._or()
        if self._tokens:
            raise self._unreadable(self._tokens[0])
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
            self._expect(")")
            return value
        word = self._take()
        if word in {"TRUE", "FALSE"}:
            return word == "TRUE"
        return self._state(word)

    def _state(self, word: str) -> bool:
        if word not in set(State):
            raise self._unreadable(word)
        self._expect("(")
        name = self._take().rsplit(":alarm:", 1)[-1]
        self._expect(")")
        if name not in self._states:
            raise LabError(f"the rule {self._rule!r} names {name!r}, and there is no such alarm")
        return self._states[name] is State(word)

    def _next(self, word: str) -> bool:
        found = bool(self._tokens) and self._tokens[0] == word
        if found:
            self._tokens.pop(0)
        return found

    def _take(self) -> str:
        return self._tokens.pop(0) if self._tokens else "its end"

    def _expect(self, word: str) -> None:
        found = self._take()
        if found != word:
            raise self._unreadable(found)

    def _unreadable(self, word: str) -> LabError:
        return LabError(f"the rule {self._rule!r} cannot be read: at {word}")


def _tokens(rule: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(rule.rstrip()):
        matched = _TOKEN.match(rule, at)
        if matched is None:
            raise LabError(f"the rule {rule!r} cannot be read: at {rule[at:].strip()}")
        found.append(next(part for part in matched.groups() if part))
        at = matched.end()
    return found
