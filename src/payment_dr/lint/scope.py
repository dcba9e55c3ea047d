"""A module instance of a plan: its resources, its calls, and constants seen from inside it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import TYPE_CHECKING, Final

from payment_dr.lint.document import DeclaredModule, DeclaredResource, ModuleCall
from payment_dr.lint.values import mapping, sequence, text

if TYPE_CHECKING:
    from payment_dr.lint.resource import Resource

DEPTH_MAX: Final = 100
"""Most modules one inside another that are followed; Terraform users nest three or four."""

_VARIABLE: Final = re.compile(r"var\.([A-Za-z0-9_-]+)")


@unique
class Unresolved(Enum):
    """The value of an expression that is no constant."""

    UNRESOLVED = "unresolved"


@dataclass(kw_only=True, slots=True, eq=False)
class Scope:
    """A module instance.

    Args:
        plan: number of the plan it belongs to, from 0.
        address: `module.site["east"]`; "" for a root module.
        key: the same without instance keys and `module.`: `site`, `site.network`.
        module: the module as written.
        parent: the instance that calls it, None for a root module.
        call: the call, None for a root module.
        variables: values of root variables.
        declared: resources as written, by their address without module and index.
        children: instances of the modules it calls, by name of the call.
        resources: instances of its resources, by their address without module and index.
    """

    plan: int
    address: str
    key: str
    module: DeclaredModule
    parent: "Scope | None"
    call: ModuleCall | None
    variables: Mapping[str, object]
    declared: Mapping[str, DeclaredResource] = field(init=False)
    children: dict[str, list["Scope"]] = field(init=False)
    resources: dict[str, list["Resource"]] = field(init=False)

    def __post_init__(self) -> None:
        """Index the module; instances are added while the plan is read."""
        self.declared = {resource.address: resource for resource in self.module.resources}
        self.children = {}
        self.resources = {}

    def passed(self, variable: str) -> object:
        """The expression passed to a variable; None in a root module or when left to default."""
        return None if self.call is None else self.call.expressions.get(variable)

    def constant(self, expression: object) -> object:
        """The constant an expression stands for, through variables; else `UNRESOLVED`.

        `"${var.a}-x"` looks like `var.a` in a plan, so judge what comes back before using it.
        """
        scope, current = self, expression
        for _ in range(DEPTH_MAX):
            body = mapping(current)
            if "constant_value" in body:
                return body["constant_value"]
            references = sequence(body.get("references"))
            matched = _VARIABLE.fullmatch(text(references[0])) if len(references) == 1 else None
            if matched is None:
                break
            given = scope.passed(matched[1])
            if given is None or scope.parent is None:
                return scope.own(matched[1])
            scope, current = scope.parent, given
        return Unresolved.UNRESOLVED

    def own(self, variable: str) -> object:
        """The value of a root variable, or the default of a module's."""
        if self.call is None and variable in self.variables:
            return self.variables[variable]
        declared = self.module.variables.get(variable)
        return Unresolved.UNRESOLVED if declared is None else declared.default
