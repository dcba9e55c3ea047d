"""Schemas from the generated JavaScript of the bindings.

What cannot be told from it is left open as `dynamic`: arguments of any type, and the few huge
types whose blocks are spread over several files (Lex, MediaLive, QuickSight).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from payment_dr.lab.aws_provider.schema.model import (
    Attribute,
    Block,
    Collection,
    Described,
    Family,
    Kind,
    NestedBlock,
    Nesting,
    Primitive,
    Type,
    block_type,
    has_dynamic,
)
from payment_dr.lab.aws_provider.schema.script import Argument, Class, Member, Script

_GETTER: Final = re.compile(r"(cdktn\.Fn\.tolist\()?this\.get(\w+?)Attribute\(")
_PART: Final = re.compile(r"new ([\w.]+)\(this, \"\w+\"(?:, (true|false))?")
_ELEMENT_CLASS: Final = re.compile(r"new (\w+OutputReference)\(this")
_STORAGE: Final = re.compile(r"(string|number|boolean|any)((?:List|Map)*)")
_FIRST_OF_LIST: Final = "terraformAttribute, false, 0)"
"""How a block that may stand once, and is a list of one in the state, is constructed."""

_TYPE_NAME: Final = re.compile(r'static tfResourceType = "(\w+)"')
_REFERENCE: Final = "OutputReference"


def _collection(kind: Kind, element: Type) -> Collection:
    return Collection(kind=kind, element=element)


_PRIMITIVES: Final[Mapping[str, Primitive]] = {
    "string": Primitive.STRING,
    "number": Primitive.NUMBER,
    "boolean": Primitive.BOOL,
    "any": Primitive.DYNAMIC,
}
_GETTERS: Final[Mapping[str, Type]] = {
    "String": Primitive.STRING,
    "Number": Primitive.NUMBER,
    "Boolean": Primitive.BOOL,
    "List": _collection(Kind.LIST, Primitive.STRING),
    "NumberList": _collection(Kind.LIST, Primitive.NUMBER),
    "StringMap": _collection(Kind.MAP, Primitive.STRING),
    "NumberMap": _collection(Kind.MAP, Primitive.NUMBER),
    "BooleanMap": _collection(Kind.MAP, Primitive.BOOL),
}
_MAPS: Final[Mapping[str, Type]] = {
    "cdktn.StringMap": _GETTERS["StringMap"],
    "cdktn.NumberMap": _GETTERS["NumberMap"],
    "cdktn.BooleanMap": _GETTERS["BooleanMap"],
}


def described_in(script: Script) -> Iterator[Described]:
    """What a module describes; modules of helpers describe nothing."""
    families = {family.value: family for family in Family}
    for each in script.classes.values():
        family = families.get(each.base)
        name = _TYPE_NAME.search(each.code)
        if family is not None and name is not None:
            block = _Reader(script).block(each, each.arguments())
            yield Described(family=family, name=name[1], block=_without_open_sets(block))


def _without_open_sets(block: Block) -> Block:
    """Terraform refuses a set of blocks with a part of any type: such a set becomes a list."""
    return replace(block, blocks=tuple(_closed(nested) for nested in block.blocks))


def _closed(nested: NestedBlock) -> NestedBlock:
    block = _without_open_sets(nested.block)
    open_set = nested.nesting is Nesting.SET and has_dynamic(block_type(nested))
    return replace(nested, block=block, nesting=Nesting.LIST if open_set else nested.nesting)


class _Reader:
    def __init__(self, script: Script) -> None:
        self._script = script

    def block(self, owner: Class, table: Mapping[str, Argument]) -> Block:
        parts = [self._part(member, table.get(member.name)) for member in owner.members()]
        return _block_of(parts)

    def _part(self, member: Member, argument: Argument | None) -> Attribute | NestedBlock:
        made = _PART.search(member.code)
        if made is not None and made[1] in _MAPS:
            return _attribute(member, argument, _MAPS[made[1]])
        if made is not None:
            return self._complex(member, argument, made)
        getter = _GETTER.search(member.code)
        if getter is not None:
            return _attribute(member, argument, _getter_type(getter))
        if argument is not None and argument.is_block:
            return self._configured(member.name, argument)
        return _attribute(member, argument, _storage_type(argument))

    def _complex(
        self, member: Member, argument: Argument | None, made: re.Match[str]
    ) -> Attribute | NestedBlock:
        """A member with a class of its own: an attribute if computed, else a block."""
        found = self._script.classes.get(made[1])
        if found is None:
            return _attribute(member, argument, Primitive.DYNAMIC)
        nested = self._nested(member, found, is_set=made[2] == "true")
        if member.computed:
            return _attribute(member, argument, block_type(nested))
        return nested

    def _nested(self, member: Member, found: Class, *, is_set: bool) -> NestedBlock:
        element, once = found, found.base == "ComplexObject"
        if not once:
            name = _ELEMENT_CLASS.search(found.code)
            element = self._script.classes[name[1]] if name else found
        nesting = _nesting(found, is_set=is_set)
        counted = nesting in {Nesting.LIST, Nesting.SET}
        struct = element.name.removesuffix(_REFERENCE)
        return NestedBlock(
            name=member.name,
            nesting=nesting,
            block=self.block(element, self._script.tables.get(struct, {})),
            items_min=1 if member.required and counted else 0,
            items_max=1 if once and counted else 0,
        )

    def _configured(self, name: str, argument: Argument) -> NestedBlock:
        """A block of the provider's own configuration: it is only written, so has no getters."""
        table = self._script.tables.get(argument.storage.removesuffix("List"), {})
        parts = [
            self._configured(each, row)
            if row.is_block
            else Attribute(name=each, type=_storage_type(row), optional=True)
            for each, row in table.items()
        ]
        nesting = Nesting.SET if argument.container == "set" else Nesting.LIST
        return NestedBlock(name=name, nesting=nesting, block=_block_of(parts))


def _block_of(parts: list[Attribute | NestedBlock]) -> Block:
    return Block(
        attributes=tuple(part for part in parts if isinstance(part, Attribute)),
        blocks=tuple(part for part in parts if isinstance(part, NestedBlock)),
    )


def _nesting(found: Class, *, is_set: bool) -> Nesting:
    if found.base == "ComplexMap":
        return Nesting.MAP
    if found.base == "ComplexList":
        return Nesting.SET if is_set else Nesting.LIST
    return Nesting.LIST if _FIRST_OF_LIST in found.code else Nesting.SINGLE


def _attribute(member: Member, argument: Argument | None, kind: Type) -> Attribute:
    return Attribute(
        name=member.name,
        type=kind,
        required=member.required,
        optional=member.optional,
        computed=member.computed,
        write_only=argument is not None and argument.write_only,
    )


def _getter_type(getter: re.Match[str]) -> Type:
    kind = _GETTERS.get(getter[2], Primitive.DYNAMIC)
    if getter[1] and isinstance(kind, Collection):
        return replace(kind, kind=Kind.SET)
    return kind


def _storage_type(argument: Argument | None) -> Type:
    """The type that a table of arguments says, e.g. `map` of `stringListMap`."""
    storage = _STORAGE.fullmatch(argument.storage) if argument is not None else None
    if argument is None or storage is None:
        return Primitive.DYNAMIC
    kind: Type = _PRIMITIVES[storage[1]]
    for container in re.findall("List|Map", storage[2]):
        kind = _collection(Kind(container.lower()), kind)
    if argument.container == "set" and isinstance(kind, Collection):
        return replace(kind, kind=Kind.SET)
    return kind
