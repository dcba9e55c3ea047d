"""Requests in Stripe's form encoding: `metadata[payment_id]=x`, `payment_method_types[0]=card`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl

from payment_dr.core.money import MINOR_UNITS_MAX


class ParameterError(Exception):
    """A parameter cannot be used; nothing was begun. `code` and `param` are Stripe's."""

    def __init__(self, message: str, *, code: str, param: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """Parameters by their full names."""

    values: Mapping[str, str]

    @classmethod
    def parse(cls, encoded: str) -> Self:
        """From a body or a query."""
        return cls(values=dict(parse_qsl(encoded, keep_blank_values=True)))

    @property
    def metadata(self) -> dict[str, str]:
        """The `metadata[...]` parameters."""
        return {
            name[len("metadata[") : -1]: value
            for name, value in self.values.items()
            if name.startswith("metadata[")
        }

    def text(self, name: str, default: str | None = None) -> str:
        """A parameter; ParameterError if it is missing and has no default."""
        value = self.values.get(name, default)
        if value is None:
            raise ParameterError(
                f"Missing required param: {name}.", code="parameter_missing", param=name
            )
        return value

    def amount(self, name: str) -> int:
        """A required amount in minor units; ParameterError unless it is a possible one."""
        text = self.text(name)
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MINOR_UNITS_MAX:
            raise ParameterError(
                f"Invalid integer: {text}", code="parameter_invalid_integer", param=name
            )
        return int(text)

    def only(self, *names: str) -> None:
        """ParameterError if there is a parameter of another name, as Stripe does it."""
        for name in self.values:
            if name.partition("[")[0] not in names:
                raise ParameterError(
                    f"Received unknown parameter: {name}", code="parameter_unknown", param=name
                )

    def fingerprint(self, path: str) -> str:
        """Equal for equal requests, whatever the order of their parameters."""
        text = repr((path, sorted(self.values.items())))
        return hashlib.sha256(text.encode()).hexdigest()
