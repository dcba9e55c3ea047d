"""A module instance of a plan: its resources, its calls, and constants seen from inside it."""

import re
from collections import defaultdict
from collections.abc import Mapping
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
    """

    def __init__(
        self,
        *,
        plan: int,
        address: str,
        key: str,
        module: DeclaredModule,
        parent: "Scope | None",
        call: ModuleCall | None,
        variables: Mapping[str, object],
    ) -> None:
        self.plan = plan
        self.address = address
        self.key = key
        self.module = module
        self.parent = parent
        self.call = call
        self.declared: Mapping[str, DeclaredResource] = {
            resource.address: resource for resource in module.resources
        }
        self.children: defaultdict[str, list[Scope]] = defaultdict(list)
        self.resources: defaultdict[str, list[Resource]] = defaultdict(list)
        self._variables = variables

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
                return scope._own(matched[1])  # noqa: SLF001 - the same class
            scope, current = scope.parent, given
        return Unresolved.UNRESOLVED

    def _own(self, variable: str) -> object:
        """The value of a root variable, or the default of a module's."""
        if self.call is None and variable in self._variables:
            return self._variables[variable]
        declared = self.module.variables.get(variable)
        return Unresolved.UNRESOLVED if declared is None else declared.default
