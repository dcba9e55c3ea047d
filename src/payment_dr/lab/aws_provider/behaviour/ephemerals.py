"""Ephemeral resources: values that are used and never stored."""

import json
import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any, Final

_LENGTH: Final = 32
"""Secrets Manager's own default."""

_PUNCTUATION: Final = string.punctuation
_ALPHABETS: Final[Mapping[str, str]] = {
    "exclude_lowercase": string.ascii_lowercase,
    "exclude_uppercase": string.ascii_uppercase,
    "exclude_numbers": string.digits,
    "exclude_punctuation": _PUNCTUATION,
}
_INVENTED: Final = {"username": "invented", "password": "invented", "api_key": "invented"}
"""Content of a secret that nobody has: with every name under which stacks look into one."""


def known_ephemeral(type_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Values of an ephemeral resource that cannot be any text."""
    return _KNOWN.get(type_name, _nothing)(config)


def _nothing(_config: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _password(config: Mapping[str, Any]) -> dict[str, Any]:
    """A real random password, since it becomes that of a real database of the lab."""
    letters = "".join(each for name, each in _ALPHABETS.items() if not config.get(name))
    letters += " " if config.get("include_space") else ""
    excluded = config.get("exclude_characters") or ""
    allowed = [letter for letter in letters if letter not in excluded]
    length = config.get("password_length") or _LENGTH
    return {"random_password": "".join(secrets.choice(allowed) for _ in range(length))}


def _secret(_config: Mapping[str, Any]) -> dict[str, Any]:
    return {"secret_string": json.dumps(_INVENTED)}


_KNOWN: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "aws_secretsmanager_random_password": _password,
    "aws_secretsmanager_secret_version": _secret,
}
