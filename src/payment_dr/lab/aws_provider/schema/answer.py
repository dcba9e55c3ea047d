"""Schemas as the answer to GetSchema, and back: the form in which they are kept.

The answer is made once and sent as it is by every later process; what a process needs to know of
a type it takes from the same bytes, so that there is one form of schemas only.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, Final

from payment_dr.lab.aws_provider.schema.model import (
    Attribute,
    Block,
    Described,
    Family,
    NestedBlock,
    Nesting,
    terraform_type,
    type_of,
)
from payment_dr.lab.aws_provider.wire.codec import Message
from payment_dr.lab.aws_provider.wire.messages import CODEC

_ANSWER: Final = "GetSchemaResponse"
_ENTRIES: Final[Mapping[Family, str]] = {
    Family.RESOURCE: "resource_schemas",
    Family.DATA: "data_source_schemas",
    Family.EPHEMERAL: "ephemeral_resource_schemas",
}


def answer_of(described: Iterable[Described]) -> bytes:
    """The answer that offers all of `described`.

    It allows Terraform to configure and use the provider without asking for schemas again.
    """
    answer: dict[str, Any] = {
        "server_capabilities": {"get_provider_schema_optional": True},
        **{member: [] for member in _ENTRIES.values()},
    }
    for each in described:
        schema = {"block": _message(each.block)}
        if each.family is Family.PROVIDER:
            answer["provider"] = schema
        else:
            entry = {"key": each.name, "schema": CODEC.encode("Schema", schema)}
            answer[_ENTRIES[each.family]].append(entry)
    return CODEC.encode(_ANSWER, answer)


def part_of(answer: bytes, names: Collection[str]) -> bytes:
    """An answer that offers the types with these names only: an engine reads it in less time."""
    decoded = CODEC.decode(_ANSWER, answer)
    parts = {
        member: [entry for entry in decoded[member] if entry["key"] in names]
        for member in _ENTRIES.values()
    }
    return CODEC.encode(_ANSWER, {**decoded, **parts})


def _message(block: Block) -> Message:
    return {
        "attributes": [
            {
                "name": each.name,
                "type": json.dumps(terraform_type(each.type), separators=(",", ":")).encode(),
                "required": each.required,
                "optional": each.optional,
                "computed": each.computed,
                "write_only": each.write_only,
            }
            for each in block.attributes
        ],
        "block_types": [
            {
                "type_name": nested.name,
                "block": _message(nested.block),
                "nesting": nested.nesting.value,
                "min_items": nested.items_min,
                "max_items": nested.items_max,
            }
            for nested in block.blocks
        ],
    }


class Schemas:
    """The schemas in an answer; each is decoded when it is first asked for."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self._blocks: dict[tuple[Family, str], Block] = {}

    def block(self, family: Family, name: str) -> Block:
        """The schema of a type; KeyError if there is no such type."""
        if (family, name) not in self._blocks:
            schema = CODEC.decode("Schema", self._entries[family][name])
            self._blocks[family, name] = _block(schema["block"])
        return self._blocks[family, name]

    def names(self, family: Family) -> frozenset[str]:
        """All types of a family."""
        return frozenset(self._entries[family])

    @cached_property
    def _entries(self) -> Mapping[Family, Mapping[str, bytes]]:
        decoded = CODEC.decode(_ANSWER, self.answer)
        return {
            family: {entry["key"]: entry["schema"] for entry in decoded[member]}
            for family, member in _ENTRIES.items()
        }


def _block(message: Message) -> Block:
    return Block(
        attributes=tuple(
            Attribute(
                name=each["name"],
                type=type_of(json.loads(each["type"])),
                required=each["required"],
                optional=each["optional"],
                computed=each["computed"],
                write_only=each["write_only"],
            )
            for each in message["attributes"]
        ),
        blocks=tuple(
            NestedBlock(
                name=each["type_name"],
                nesting=Nesting(each["nesting"]),
                block=_block(each["block"]),
                items_min=each["min_items"],
                items_max=each["max_items"],
            )
            for each in message["block_types"]
        ),
    )
