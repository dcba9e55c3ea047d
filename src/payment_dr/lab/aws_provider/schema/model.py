"""Schemas of the provider's types, in the terms of Terraform's plugin protocol."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum, unique
from typing import Any, assert_never


@unique
class Primitive(StrEnum):
    """A type without parts; DYNAMIC stands for any type."""

    STRING = "string"
    NUMBER = "number"
    BOOL = "bool"
    DYNAMIC = "dynamic"


@unique
class Kind(StrEnum):
    """What holds elements of one type."""

    LIST = "list"
    SET = "set"
    MAP = "map"


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """A list, set or map."""

    kind: Kind
    element: "Type"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """An object: the type of each of its attributes by name."""

    attributes: tuple[tuple[str, "Type"], ...]


Type = Primitive | Collection | Record


@unique
class Nesting(IntEnum):
    """How often a block may stand in its parent; numbered as in the protocol."""

    SINGLE = 1
    LIST = 2
    SET = 3
    MAP = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribute:
    """An argument or an attribute; a write-only one is never stored."""

    name: str
    type: Type
    required: bool = False
    optional: bool = False
    computed: bool = False
    write_only: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """The content of a type or of a nested block."""

    attributes: tuple[Attribute, ...]
    blocks: tuple["NestedBlock", ...]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name, if there is one."""
        return next((each for each in self.attributes if each.name == name), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class NestedBlock:
    """A block in a block; `items_max` 0 stands for any number."""

    name: str
    nesting: Nesting
    block: Block
    items_min: int = 0
    items_max: int = 0


@unique
class Family(StrEnum):
    """What a module of the bindings describes, by the class of cdktn that it extends."""

    RESOURCE = "TerraformResource"
    DATA = "TerraformDataSource"
    EPHEMERAL = "TerraformEphemeralResource"
    PROVIDER = "TerraformProvider"


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """A type of the provider, or the provider itself."""

    family: Family
    name: str
    block: Block


def terraform_type(kind: Type) -> Any:
    """A type in Terraform's JSON form, e.g. `["list", "string"]`."""
    match kind:
        case Primitive():
            return kind.value
        case Collection():
            return [kind.kind.value, terraform_type(kind.element)]
        case Record():
            return ["object", {name: terraform_type(each) for name, each in kind.attributes}]
        case unreachable:
            assert_never(unreachable)


def type_of(form: Any) -> Type:
    """The type that a value in Terraform's JSON form stands for; inverse of `terraform_type`."""
    if isinstance(form, str):
        return Primitive(form)
    name, content = form
    if name == "object":
        return Record(attributes=tuple((key, type_of(each)) for key, each in content.items()))
    return Collection(kind=Kind(name), element=type_of(content))


def block_type(nested: NestedBlock) -> Type:
    """The type of an attribute that holds what a block holds."""
    content = Record(attributes=tuple(_members(nested.block)))
    match nested.nesting:
        case Nesting.SINGLE:
            return content
        case Nesting.LIST:
            return Collection(kind=Kind.LIST, element=content)
        case Nesting.SET:
            return Collection(kind=Kind.SET, element=content)
        case Nesting.MAP:
            return Collection(kind=Kind.MAP, element=content)
        case unreachable:
            assert_never(unreachable)


def _members(block: Block) -> Iterator[tuple[str, Type]]:
    for attribute in block.attributes:
        yield attribute.name, attribute.type
    for nested in block.blocks:
        yield nested.name, block_type(nested)


def has_dynamic(kind: Type) -> bool:
    """Whether any part of a type is left open."""
    match kind:
        case Primitive():
            return kind is Primitive.DYNAMIC
        case Collection():
            return has_dynamic(kind.element)
        case Record():
            return any(has_dynamic(each) for _, each in kind.attributes)
        case unreachable:
            assert_never(unreachable)
