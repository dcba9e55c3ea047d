"""Words for people: to stderr, and times as one reads them."""

import sys
from typing import Final

_MINUTE: Final = 60
"""Seconds of a minute, and minutes of an hour."""


def say(sentence: str) -> None:
    """To stderr."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def interactive() -> bool:
    """Whether somebody is there who can be asked."""
    return sys.stdin.isatty()


def duration(seconds: float) -> str:
    """`5 s`, `2 min 05 s` or `1 h 02 min`."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    if not minutes:
        return f"{rest} s"
    if minutes < _MINUTE:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // _MINUTE} h {minutes % _MINUTE:02} min"
