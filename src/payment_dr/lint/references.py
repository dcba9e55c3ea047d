"""Following references through variables, outputs and modules to the resources they mean."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from payment_dr.lint.resource import Node, Resource
from payment_dr.lint.scope import Scope
from payment_dr.lint.values import mapping, sequence, text

_REFERENCE: Final = re.compile(
    r"(?P<data>data\.)?(?P<kind>[A-Za-z0-9_-]+)\.(?P<name>[A-Za-z0-9_-]+)"
    r'(?P<key>\[(?:\d+|"(?:[^"\\]|\\.)*")\])?(?:\.(?P<rest>[A-Za-z0-9_-]+))?.*'
)
_BOUNDARY: Final = re.compile(r"[.\[]")
_NAMESPACES: Final = frozenset(
    {"count", "each", "ephemeral", "local", "module", "path", "self", "terraform", "var"}
)
"""Beginnings of references that are no resource types."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """What an attribute refers to; not `complete` when a part of it cannot be followed.

    Locals are not part of a plan, and what a variable of the root module or a data source holds
    may be a resource of somewhere else.
    """

    resources: tuple[Resource, ...]
    complete: bool

    def of(self, *kinds: str) -> tuple[Resource, ...]:
        """Managed resources of these types."""
        return tuple(r for r in self.resources if r.managed and r.kind in kinds)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """References as seen from a module instance, for the instance `index` of a resource."""

    scope: Scope
    references: Sequence[str]
    index: int | str | None = None
    each: object = None


def references_in(expression: object) -> list[str]:
    """Every reference in an expression, however nested."""
    found: list[str] = []
    todo = [expression]
    while todo:
        item = todo.pop()
        body = mapping(item)
        found += [text(one) for one in sequence(body.get("references"))]
        todo += [
            value for key, value in body.items() if key not in ("references", "constant_value")
        ]
        todo += sequence(item)
    return found


def follow(node: Node, name: str) -> Targets:
    """The resources that an attribute or block refers to."""
    index = node.index if isinstance(node, Resource) else None
    each = node.each if isinstance(node, Resource) else None
    first = _Step(
        scope=node.scope, references=references_in(node.expression(name)), index=index, each=each
    )
    found: dict[Resource, None] = {}
    complete = node.expressions is not None or not node.is_unknown(name)
    todo, seen = [first], set[tuple[int, str]]()
    while todo:
        step = todo.pop()
        indexed = any(one in ("count.index", "each.key", "each.value") for one in step.references)
        for reference in _most_specific(step.references):
            if (id(step.scope), reference) in seen:
                continue
            seen.add((id(step.scope), reference))
            matched = _REFERENCE.fullmatch(reference)
            if matched is None:
                continue
            instances, further, followed = _resolve(step, matched, indexed=indexed)
            found.update(dict.fromkeys(instances))
            todo.extend(further)
            complete = complete and followed
    return Targets(resources=tuple(found), complete=complete)


def _resolve(
    step: _Step, matched: re.Match[str], *, indexed: bool
) -> tuple[Iterable[Resource], list[_Step], bool]:
    """Resources meant by a reference, references to follow, and whether both are all of it."""
    scope, kind, name = step.scope, matched["kind"], matched["name"]
    if matched["data"] or kind not in _NAMESPACES:
        address = f"{matched['data'] or ''}{kind}.{name}"
        return _instances(step, address, matched["key"], indexed=indexed), [], True
    further: list[_Step] = []
    followed = True
    if kind == "var" and scope.parent is not None:
        passed = references_in(scope.passed(name))
        further = [_Step(scope=scope.parent, references=passed)]
    elif kind == "module":
        further, followed = _outputs(scope, matched), matched["rest"] is not None
    elif kind == "each":
        further = [_Step(scope=scope, references=references_in(step.each))]
        followed = step.each is not None
    elif kind == "local":
        followed = False
    return (), further, followed


def _outputs(scope: Scope, matched: re.Match[str]) -> list[_Step]:
    """What an output of a module refers to, inside each of its instances that is meant."""
    output = matched["rest"]
    steps: list[_Step] = []
    for child in scope.children.get(matched["name"], ()):
        if matched["key"] and not child.address.endswith(matched["key"]):
            continue
        declared = child.module.outputs.get(output or "")
        if declared is not None:
            steps.append(_Step(scope=child, references=references_in(declared.expression)))
    return steps


def _instances(step: _Step, address: str, key: str | None, *, indexed: bool) -> list[Resource]:
    """Instances of a resource: the one of the key, or of the same index, or all of them."""
    instances = step.scope.resources.get(address, [])
    if key is not None:
        return [r for r in instances if _key(r) == key]
    if indexed:
        return [r for r in instances if r.index == step.index] or instances
    return instances


def _key(resource: Resource) -> str:
    """The key as it stands in addresses."""
    return f"[{resource.index}]" if isinstance(resource.index, int) else f'["{resource.index}"]'


def _most_specific(references: Sequence[str]) -> list[str]:
    """Plans list `a.b[0].id`, `a.b[0]` and `a.b` for one reference: the longest tells most."""
    shorter = {
        reference[: boundary.start()]
        for reference in references
        for boundary in _BOUNDARY.finditer(reference)
    }
    return [reference for reference in dict.fromkeys(references) if reference not in shorter]
