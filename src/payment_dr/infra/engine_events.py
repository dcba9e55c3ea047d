"""What an engine says while it works, one JSON message a line, as types.

The format, of which Terraform and OpenTofu have the same:
https://developer.hashicorp.com/terraform/internals/machine-readable-ui
and https://opentofu.org/docs/internals/machine-readable-ui/.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, Final

import msgspec


@unique
class Severity(StrEnum):
    """How bad a diagnostic is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True, slots=True)
class Began:
    """A resource is being made, changed or destroyed; `action` is the engine's word."""

    address: str
    action: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Continues:
    """It still is; said about every ten seconds."""

    address: str
    action: str
    elapsed_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """It is done."""

    address: str
    action: str
    elapsed_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """It failed; a diagnostic says why."""

    address: str
    action: str
    elapsed_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosed:
    """An error or a warning; `address` and `place` (file:line) are empty when it has none."""

    severity: Severity
    summary: str
    detail: str = ""
    address: str = ""
    place: str = ""

    def __str__(self) -> str:
        about = self.address or self.place
        body = "\n".join(part for part in (self.summary, self.detail) if part).strip()
        return f"{about}: {body}" if about else body


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopping:
    """It was asked to stop: it ends what it has begun and saves the state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """Anything else, for the log."""

    text: str


Event = Began | Continues | Finished | Failed | Diagnosed | Stopping | Said


class _Resource(msgspec.Struct, frozen=True):
    addr: str = ""


class _Hook(msgspec.Struct, frozen=True):
    resource: _Resource = msgspec.field(default_factory=_Resource)
    action: str = ""
    elapsed_seconds: float = 0


class _Start(msgspec.Struct, frozen=True):
    line: int = 0


class _Range(msgspec.Struct, frozen=True):
    filename: str = ""
    start: _Start = msgspec.field(default_factory=_Start)


class Diagnostic(msgspec.Struct, frozen=True):
    """A diagnostic as the engine writes it, also in the answer of `validate -json`."""

    severity: Severity = Severity.ERROR
    summary: str = ""
    detail: str = ""
    address: str = ""
    range: _Range | None = None

    def diagnosed(self) -> Diagnosed:
        """The same as an event."""
        where = self.range
        return Diagnosed(
            severity=self.severity,
            summary=self.summary,
            detail=self.detail.strip(),
            address=self.address,
            place="" if where is None else f"{where.filename}:{where.start.line}",
        )


class _Message(msgspec.Struct, frozen=True):
    message: str = msgspec.field(name="@message", default="")
    type: str = ""
    hook: msgspec.Raw = msgspec.Raw(b"{}")
    diagnostic: Diagnostic | None = None


_STILL: Final[dict[str, type[Continues | Finished | Failed]]] = {
    "apply_progress": Continues,
    "apply_complete": Finished,
    "apply_errored": Failed,
}


def parse(line: str) -> Event:
    """The event of a line; what is no message of the format is a `Said` too."""
    try:
        message = msgspec.json.decode(line, type=_Message)
        return _event(message)
    except (msgspec.DecodeError, UnicodeError):
        return Said(text=line.rstrip())


def _event(message: _Message) -> Event:
    if message.type == "diagnostic" and message.diagnostic is not None:
        return message.diagnostic.diagnosed()
    if message.type == "apply_start" or message.type in _STILL:
        hook = msgspec.json.decode(message.hook, type=_Hook)
        about: dict[str, Any] = {"address": hook.resource.addr, "action": hook.action}
        if message.type == "apply_start":
            return Began(**about)
        return _STILL[message.type](**about, elapsed_s=hook.elapsed_seconds)
    return Said(text=message.message)
