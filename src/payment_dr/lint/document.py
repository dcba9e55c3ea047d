"""Plans as `terraform show -json` and `tofu show -json` print them, format versions 1.x.

Only what the rules read. The format:
https://developer.hashicorp.com/terraform/internals/json-format
and https://opentofu.org/docs/internals/json-format/.
"""

from typing import Any

from msgspec import Struct, field


class ResourceValues(Struct, frozen=True, kw_only=True):
    """An instance of a resource. `values` lacks what is known only after the apply."""

    address: str
    mode: str
    type: str
    name: str
    index: int | str | None = None
    values: dict[str, Any] = field(default_factory=dict[str, Any])


class ModuleValues(Struct, frozen=True, kw_only=True):
    """An instance of a module; the root's `address` is empty."""

    address: str = ""
    resources: list[ResourceValues] = field(default_factory=list[ResourceValues])
    child_modules: list["ModuleValues"] = field(default_factory=list["ModuleValues"])


class StateValues(Struct, frozen=True, kw_only=True):
    """Planned or earlier values."""

    root_module: ModuleValues = field(default_factory=ModuleValues)


class PriorState(Struct, frozen=True, kw_only=True):
    """The state before the plan; data sources that were read while planning stand here."""

    values: StateValues = field(default_factory=StateValues)


class Change(Struct, frozen=True, kw_only=True):
    """What happens to a resource's values; None before it exists, and after it is gone.

    `actions` is e.g. `["delete", "create"]`; `after_unknown` mirrors the resource, `true` where a
    value comes with the apply; `replace_paths` are the arguments that force a replacement.
    """

    actions: list[str] = field(default_factory=list[str])
    before: Any = None
    after: Any = None
    after_unknown: Any = None
    replace_paths: list[list[Any]] = field(default_factory=list[list[Any]])


class ResourceChange(Struct, frozen=True, kw_only=True):
    """What happens to an instance; `deposed` marks a leftover of a failed replacement."""

    address: str
    mode: str = "managed"
    type: str = ""
    change: Change = field(default_factory=Change)
    deposed: str | None = None


class Variable(Struct, frozen=True, kw_only=True):
    """The value of a root variable."""

    value: Any = None


class DeclaredVariable(Struct, frozen=True, kw_only=True):
    """A variable of a module."""

    default: Any = None


class DeclaredOutput(Struct, frozen=True, kw_only=True):
    """An output of a module."""

    expression: Any = None


class DeclaredResource(Struct, frozen=True, kw_only=True):
    """A resource as written: expressions hold constants and references, no values.

    `address` has neither module nor index: `aws_subnet.private`, `data.aws_region.here`.
    """

    address: str
    provider_config_key: str = ""
    expressions: dict[str, Any] = field(default_factory=dict[str, Any])
    for_each_expression: Any = None


class ModuleCall(Struct, frozen=True, kw_only=True):
    """The call of a module, with what is passed to its variables."""

    source: str = ""
    expressions: dict[str, Any] = field(default_factory=dict[str, Any])
    module: "DeclaredModule | None" = None


class DeclaredModule(Struct, frozen=True, kw_only=True):
    """A module as written. Locals are not part of the format."""

    resources: list[DeclaredResource] = field(default_factory=list[DeclaredResource])
    module_calls: dict[str, ModuleCall] = field(default_factory=dict[str, ModuleCall])
    outputs: dict[str, DeclaredOutput] = field(default_factory=dict[str, DeclaredOutput])
    variables: dict[str, DeclaredVariable] = field(default_factory=dict[str, DeclaredVariable])


class DeclaredProvider(Struct, frozen=True, kw_only=True):
    """A provider block; `module_address` is set for one inside a module."""

    module_address: str = ""
    expressions: dict[str, Any] = field(default_factory=dict[str, Any])


class Declared(Struct, frozen=True, kw_only=True):
    """The configuration, expressions unevaluated. Neither lifecycle nor backend is part of it."""

    provider_config: dict[str, DeclaredProvider] = field(
        default_factory=dict[str, DeclaredProvider]
    )
    root_module: DeclaredModule = field(default_factory=DeclaredModule)


class PlanDocument(Struct, frozen=True, kw_only=True):
    """A whole plan."""

    format_version: str
    planned_values: StateValues
    configuration: Declared
    resource_changes: list[ResourceChange] = field(default_factory=list[ResourceChange])
    prior_state: PriorState = field(default_factory=PriorState)
    variables: dict[str, Variable] = field(default_factory=dict[str, Variable])
    errored: bool = False
