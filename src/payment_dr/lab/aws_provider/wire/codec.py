"""Protocol buffers' encoding, as far as Terraform's plugin protocol needs it.

Every command of Terraform starts the provider two to four times, and importing Google's library
takes 75 ms of each start, a quarter of it; this takes one. A message is a dict by field name.
See https://protobuf.dev/programming-guides/encoding/.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Message = Mapping[str, Any]

_FIELD: Final = re.compile(r"(repeated )?(\w+) (\w+)=(\d+)")
_VARINT: Final = 0
_FIXED_64: Final = 1
_LENGTH: Final = 2
_FIXED_32: Final = 5
_FIXED_BYTES: Final = {_FIXED_64: 8, _FIXED_32: 4}
_DEFAULTS: Final[Mapping[str, Any]] = {"bool": False, "bytes": b"", "int": 0, "string": ""}
_VARINT_BYTES_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    kind: str
    repeated: bool


class Codec:
    """Messages as `text` declares them, one a line: `Name: repeated kind field=number, ...`.

    A kind is bool, bytes, int, string, or the name of a message. What is absent is decoded as
    False, b"", 0, "", None for a message, [] for what is repeated; unknown fields are skipped.
    """

    def __init__(self, text: str) -> None:
        self._messages = {
            name: {
                int(number): _Field(field, kind, bool(repeated))
                for repeated, kind, field, number in _FIELD.findall(fields)
            }
            for name, _, fields in (line.partition(":") for line in _lines(text))
        }

    def encode(self, kind: str, message: Message) -> bytes:
        """A message as bytes; fields with their default are left out."""
        parts = bytearray()
        for number, field in self._messages[kind].items():
            value = message.get(field.name)
            for each in value or () if field.repeated else (value,):
                parts += self._encoded(number, field.kind, each)
        return bytes(parts)

    def decode(self, kind: str, encoded: bytes) -> dict[str, Any]:
        """The message in some bytes; ValueError if they hold none."""
        fields = self._messages[kind]
        message = {each.name: _absent(each) for each in fields.values()}
        for number, value in _pairs(encoded):
            field = fields.get(number)
            if field is None:
                continue
            decoded = self._decoded(field.kind, value)
            if field.repeated:
                message[field.name].append(decoded)
            else:
                message[field.name] = decoded
        return message

    def _encoded(self, number: int, kind: str, value: Any) -> bytes:
        if value is None or (value == _DEFAULTS.get(kind) and kind in _DEFAULTS):
            return b""
        if kind in {"bool", "int"}:
            return _varint(number << 3 | _VARINT) + _varint(int(value))
        content = self._content(kind, value)
        return _varint(number << 3 | _LENGTH) + _varint(len(content)) + content

    def _content(self, kind: str, value: Any) -> bytes:
        if kind == "string":
            return str(value).encode()
        return bytes(value) if kind == "bytes" else self.encode(kind, value)

    def _decoded(self, kind: str, value: Any) -> Any:
        match kind:
            case "bool":
                return bool(value)
            case "string":
                return value.decode()
            case "bytes" | "int":
                return value
            case _:
                return self.decode(kind, value)


def _lines(text: str) -> Iterable[str]:
    return (line for line in text.replace(",\n ", ",").splitlines() if line)


def _absent(field: _Field) -> Any:
    return [] if field.repeated else _DEFAULTS.get(field.kind)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _pairs(encoded: bytes) -> Iterator[tuple[int, Any]]:
    """Number and raw value of each field: an int, or bytes."""
    at = 0
    while at < len(encoded):
        key, at = _read_varint(encoded, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _read_varint(encoded, at)
            yield key >> 3, value
            continue
        if wire == _LENGTH:
            size, at = _read_varint(encoded, at)
        elif wire in _FIXED_BYTES:
            size = _FIXED_BYTES[wire]
        else:
            raise ValueError(f"wire type {wire} is not one of plugin protocol 5")
        if at + size > len(encoded):
            raise ValueError("a message ends within a field")
        yield key >> 3, encoded[at : at + size]
        at += size


def _read_varint(encoded: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index in range(_VARINT_BYTES_MAX):
        if at + index >= len(encoded):
            break
        byte = encoded[at + index]
        number |= (byte & 0x7F) << (7 * index)
        if byte <= 0x7F:  # noqa: PLR2004 - seven bits a byte
            return number, at + index + 1
    raise ValueError("a number does not end")
