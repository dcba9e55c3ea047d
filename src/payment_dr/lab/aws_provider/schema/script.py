"""The generated JavaScript of one module of the bindings, taken apart.

The generator writes one shape only: a class per resource and per nested block; in it, a comment
before each member that says whether it is computed, optional or required; and a function per
struct with a table of its arguments. Nothing is executed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_CLASS: Final = re.compile(
    r"^class (\w+) extends cdktn\.(\w+) \{\n(.*?)^\}", re.DOTALL | re.MULTILINE
)
_TABLE: Final = re.compile(
    r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", re.DOTALL | re.MULTILINE
)
_ARGUMENT: Final = re.compile(
    r"^ +(\w+): \{\n +value: (.*)\n +isBlock: (true|false),\n"
    r" +type: \"(\w+)\",\n +storageClassType: \"(\w+)\"",
    re.MULTILINE,
)
_MEMBER: Final = re.compile(
    r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n",
    re.MULTILINE,
)
_MEMBER_PARTS: Final = 5
_WRITE_ONLY: Final = "this.markWriteOnlyAttribute("
_MAP_BEHIND: Final = "//# sourceMappingURL"
"""Where the code ends; a source map of the same size follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Argument:
    """A row of a table of arguments.

    Attributes:
        is_block: whether it is written as a block.
        container: simple, list, set, map or struct.
        storage: the element's type, e.g. `stringList`, or the class of a block.
        write_only: whether its value is never stored.
    """

    is_block: bool
    container: str
    storage: str
    write_only: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A member of a class, with the code of its getter."""

    name: str
    computed: bool
    optional: bool
    required: bool
    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Class:
    """A class; `base` is the class of cdktn that it extends."""

    name: str
    base: str
    code: str

    def members(self) -> Iterator[Member]:
        """What its instances have."""
        parts = _MEMBER.split(self.code)[1:]
        for start in range(0, len(parts), _MEMBER_PARTS):
            name, computed, optional, required, code = parts[start : start + _MEMBER_PARTS]
            yield Member(
                name=name,
                computed=computed == "true",
                optional=optional == "true",
                required=required == "true",
                code=code,
            )

    def arguments(self) -> Mapping[str, Argument]:
        """The table of arguments that a resource itself holds."""
        return arguments_in(self.code)


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """All classes by name, and the tables of arguments by the struct's name."""

    classes: Mapping[str, Class]
    tables: Mapping[str, Mapping[str, Argument]]


def script_of(source: str) -> Script:
    """Take a module apart."""
    code = source.partition(_MAP_BEHIND)[0]
    return Script(
        classes={
            name: Class(name=name, base=base, code=body)
            for name, base, body in _CLASS.findall(code)
        },
        tables={
            name[0].upper() + name[1:]: arguments_in(body) for name, body in _TABLE.findall(code)
        },
    )


def arguments_in(code: str) -> Mapping[str, Argument]:
    """Rows of the table of arguments that a piece of code holds."""
    return {
        name: Argument(
            is_block=is_block == "true",
            container=container,
            storage=storage,
            write_only=value.startswith(_WRITE_ONLY),
        )
        for name, value, is_block, container, storage in _ARGUMENT.findall(code)
    }
