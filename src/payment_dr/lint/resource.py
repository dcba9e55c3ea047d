"""Resources and their blocks, with three views kept together: values, unknowns, expressions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from payment_dr.lint.scope import Scope
from payment_dr.lint.values import listed, mapping, number, sequence, text

_NULL: Final[Mapping[str, object]] = {"constant_value": None}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Node:
    """A resource or a block in one.

    `unknown` is `after_unknown` of the same place. `expressions` is None where the plan does not
    say what was written, as in dynamic blocks.
    """

    scope: Scope
    values: Mapping[str, object]
    unknown: object
    expressions: Mapping[str, object] | None

    def known(self, name: str) -> object:
        """The planned value; None when not set or known only after the apply."""
        return self.values.get(name)

    def text(self, name: str) -> str:
        """The planned string, or ""."""
        return text(self.values.get(name))

    def number(self, name: str, default: float) -> float:
        """The planned number, or the default."""
        return number(self.values.get(name), default)

    def is_true(self, name: str) -> bool:
        """Whether the planned value is `true`."""
        return self.values.get(name) is True

    def is_unknown(self, name: str) -> bool:
        """Whether any part of the value is known only after the apply."""
        todo = [self.unknown if self.unknown is True else mapping(self.unknown).get(name)]
        while todo:
            item = todo.pop()
            if item is True:
                return True
            todo.extend(sequence(item))
            todo.extend(mapping(item).values())
        return False

    def expression(self, name: str) -> object:
        """The expression as the plan shows it; None when there is none."""
        return None if self.expressions is None else self.expressions.get(name)

    def is_set(self, name: str) -> bool:
        """Whether a value was given: by the configuration, not by the provider's default.

        A value that the provider computes is as unknown as one that refers to another resource;
        only the expression tells them apart. Where it is not shown, the benefit of the doubt.
        """
        if self.values.get(name) not in (None, "", [], {}):
            return True
        if not self.is_unknown(name):
            return False
        if self.expressions is None:
            return True
        expression = self.expressions.get(name, _NULL)
        return self.scope.constant(expression) is not None

    def may_be_true(self, name: str) -> bool:
        """Whether the planned value is `true` or comes from something not known yet."""
        return self.is_true(name) or (self.values.get(name) is None and self.is_set(name))

    def blocks(self, name: str) -> list["Node"]:
        """The blocks of that name."""
        items = listed(self.values.get(name))
        unknown = self.unknown if self.unknown is True else mapping(self.unknown).get(name)
        unknowns = sequence(unknown) or [unknown] * len(items)
        written = _match(items, self.expression(name))
        return [
            Node(
                scope=self.scope,
                values=mapping(item),
                unknown=unknowns[place] if place < len(unknowns) else None,
                expressions=written[place],
            )
            for place, item in enumerate(items)
        ]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Resource(Node):
    """An instance of a resource or data source.

    `kind` is its type, `region` its AWS region, or `provider KEY` where the plan does not tell.
    """

    address: str
    kind: str
    name: str
    index: int | str | None
    region: str
    managed: bool
    each: object

    @property
    def plan(self) -> int:
        """Number of the plan it belongs to."""
        return self.scope.plan


def _match(items: Sequence[object], expression: object) -> list[Mapping[str, object] | None]:
    """For each block the expressions it was written with.

    Sets are planned in another order than written, so constants decide which belongs to which.
    """
    body = mapping(expression)
    if "references" in body or "constant_value" in body:  # blocks written as an attribute
        return [None] * len(items)
    written = [body] if body else [mapping(item) for item in sequence(expression)]
    if len(written) != len(items):
        return [None] * len(items)
    matched: list[Mapping[str, object] | None] = []
    for item in items:
        place = next((n for n, one in enumerate(written) if _agrees(mapping(item), one)), 0)
        matched.append(written.pop(place))
    return matched


def _agrees(item: Mapping[str, object], written: Mapping[str, object]) -> bool:
    """Whether no constant contradicts the planned values."""
    return all(
        mapping(expression).get("constant_value", item.get(name)) == item.get(name)
        for name, expression in written.items()
        if name in item
    )
