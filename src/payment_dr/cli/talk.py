"""What commands say: words to stderr, documents to stdout, and times as one reads them."""

import sys
from typing import Final

import msgspec

_MINUTE: Final = 60
"""Seconds of a minute, and minutes of an hour."""


def say(sentence: str) -> None:
    """To stderr."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def as_json(document: object) -> str:
    """A document of structs as JSON for people and programs, with its newline."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


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
