"""Values as Terraform sends them: msgpack, in which a value that is not known yet has a form.

A value is None, a bool, a number, a text, a list (also of a set), a dict (of a map or an object),
`UNKNOWN`, or for an attribute of any type the pair of its type's JSON in bytes and the value.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

from msgspec import msgpack

from payment_dr.lab.aws_provider.schema.model import Attribute, Block, NestedBlock, Nesting
from payment_dr.lab.aws_provider.wire.codec import Message

UNKNOWN: Final = msgpack.Ext(0, b"\x00")
"""A value that is known after apply only."""

Object = dict[str, Any]
"""Content of a block by name."""

Change = Callable[[Attribute, Any], Any]
"""What an attribute's value becomes."""


def decoded(message: Message | None) -> Object | None:
    """The object in a message; None where there is none (before creation, after deletion)."""
    if message is None or not message["msgpack"]:
        return None
    value: Object | None = msgpack.decode(message["msgpack"])
    return value


def encoded(value: Object | None) -> Message:
    """A message that carries an object, or its absence."""
    return {"msgpack": msgpack.encode(value)}


def is_unknown(value: Any) -> bool:
    """Whether a value as a whole is not known yet; Terraform may say something about it."""
    return isinstance(value, msgpack.Ext)


def has_unknown(value: Any) -> bool:
    """Whether any part of a value is not known yet."""
    match value:
        case {**members}:
            return any(has_unknown(each) for each in members.values())
        case [*elements]:
            return any(has_unknown(each) for each in elements)
        case _:
            return is_unknown(value)


def mapped(block: Block, value: Mapping[str, Any], change: Change) -> Object:
    """A copy of a block's content in which each attribute, at any depth, is changed."""
    attributes = {each.name: change(each, value.get(each.name)) for each in block.attributes}
    blocks = {each.name: _mapped_block(each, value.get(each.name), change) for each in block.blocks}
    return attributes | blocks


def _mapped_block(nested: NestedBlock, value: Any, change: Change) -> Any:
    if value is None or is_unknown(value):
        return value
    match nested.nesting:
        case Nesting.SINGLE:
            return mapped(nested.block, value, change)
        case Nesting.MAP:
            return {key: mapped(nested.block, each, change) for key, each in value.items()}
        case Nesting.LIST | Nesting.SET:
            return [
                each if is_unknown(each) else mapped(nested.block, each, change) for each in value
            ]
        case unreachable:
            assert_never(unreachable)


def empty(block: Block) -> Object:
    """A block's content when nothing is written in it."""
    absent: Object = {
        each.name: [] if each.nesting in {Nesting.LIST, Nesting.SET} else None
        for each in block.blocks
    }
    return {each.name: None for each in block.attributes} | absent
