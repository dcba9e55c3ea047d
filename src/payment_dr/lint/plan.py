"""One or several plans as one graph of resources, in time linear in their size."""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from payment_dr.lint.document import (
    DeclaredModule,
    DeclaredProvider,
    DeclaredResource,
    ModuleCall,
    ModuleValues,
    PlanDocument,
    ResourceValues,
)
from payment_dr.lint.references import Targets, follow
from payment_dr.lint.resource import Node, Resource
from payment_dr.lint.scope import Scope
from payment_dr.lint.values import strings, text

REGION: Final = re.compile(
    r"(?<![a-z0-9])(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-[a-z]+){1,3}-\d(?![a-z0-9])"
)
"""An AWS region, also inside names and ARNs."""
_CALL: Final = re.compile(r"module\.([A-Za-z0-9_-]+)(?:\[.*\])?", re.DOTALL)
_NAMED_BY: Final = {
    "aws_rds_global_cluster": "global_cluster_identifier",
    "aws_rds_cluster": "cluster_identifier",
    "aws_lambda_function": "function_name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_cloudwatch_composite_alarm": "alarm_name",
}


def region_of(name: str) -> str:
    """The AWS region in a text such as an ARN, or ""."""
    matched = REGION.search(name)
    return matched[0] if matched else ""


class Plan:
    """The resources of all plans given, in the order planned.

    Within a plan references are followed; across plans, known names and ARNs are.
    """

    def __init__(self, documents: Sequence[PlanDocument]) -> None:
        self.plans = len(documents)
        self.resources: list[Resource] = []
        self.roots: list[Scope] = []
        self._by_kind: defaultdict[str, list[Resource]] = defaultdict(list)
        self._by_identity: defaultdict[str, list[Resource]] = defaultdict(list)
        self._targets: dict[tuple[Node, str], Targets] = {}
        self._referring: dict[tuple[str, str], dict[Resource, list[Resource]]] = {}
        for number, document in enumerate(documents):
            self._add(_Reader(number, document))

    def of(self, *kinds: str) -> list[Resource]:
        """Managed resources of these types."""
        return [r for kind in kinds for r in self._by_kind.get(kind, ())]

    def targets(self, node: Node, name: str) -> Targets:
        """What an attribute refers to, by reference or by known name, id or ARN."""
        key = (node, name)
        if key not in self._targets:
            followed = follow(node, name)
            named = (r for one in strings(node.known(name)) for r in self._by_identity.get(one, ()))
            self._targets[key] = Targets(
                resources=tuple(dict.fromkeys((*followed.resources, *named))),
                complete=followed.complete,
            )
        return self._targets[key]

    def referring(self, kind: str, name: str) -> Mapping[Resource, list[Resource]]:
        """For each resource, those of a type whose attribute refers to it."""
        key = (kind, name)
        if key not in self._referring:
            backwards: defaultdict[Resource, list[Resource]] = defaultdict(list)
            for source in self.of(kind):
                for target in self.targets(source, name).resources:
                    backwards[target].append(source)
            self._referring[key] = dict(backwards)
        return self._referring[key]

    def _add(self, reader: "_Reader") -> None:
        for resource in reader.resources():
            self.resources.append(resource)
            if resource.managed:
                self._by_kind[resource.kind].append(resource)
                for name in ("id", "arn", _NAMED_BY.get(resource.kind, "name")):
                    if resource.text(name):
                        self._by_identity[resource.text(name)].append(resource)
        self.roots.append(reader.root)


class _Reader:
    """Reads one plan."""

    def __init__(self, number: int, document: PlanDocument) -> None:
        self._document = document
        self._unknown = {
            change.address: change.change.after_unknown
            for change in document.resource_changes
            if change.deposed is None
        }
        self._regions: dict[str, str] = {}
        self.root = Scope(
            plan=number,
            address="",
            key="",
            module=document.configuration.root_module,
            parent=None,
            call=None,
            variables={name: one.value for name, one in document.variables.items()},
        )
        self._scopes = {"": self.root}

    def resources(self) -> Iterator[Resource]:
        """Planned resources, then the data sources that were read while planning."""
        yield from self._walk(self._document.planned_values.root_module, data_only=False)
        yield from self._walk(self._document.prior_state.values.root_module, data_only=True)
        self._add_modules_without_resources()

    def _walk(self, root: ModuleValues, *, data_only: bool) -> Iterator[Resource]:
        todo = deque([(self.root, root)])
        while todo:
            scope, module = todo.popleft()
            for item in module.resources:
                if item.mode == "data" or not data_only:
                    yield self._resource(scope, item)
            todo += [(self._child(scope, child.address), child) for child in module.child_modules]

    def _child(self, parent: Scope, address: str) -> Scope:
        """The instance of a module at an address, made when it is first seen."""
        if address not in self._scopes:
            step = address.removeprefix(f"{parent.address}." if parent.address else "")
            matched = _CALL.fullmatch(step)
            name = matched[1] if matched else step
            self._scopes[address] = self._make(parent, address, name)
        return self._scopes[address]

    def _make(self, parent: Scope, address: str, name: str) -> Scope:
        call = parent.module.module_calls.get(name, ModuleCall())
        child = Scope(
            plan=parent.plan,
            address=address,
            key=f"{parent.key}.{name}" if parent.key else name,
            module=call.module or DeclaredModule(),
            parent=parent,
            call=call,
            variables={},
        )
        parent.children.setdefault(name, []).append(child)
        return child

    def _add_modules_without_resources(self) -> None:
        """A module of outputs alone has no planned values; references pass through it all same."""
        todo = list(self._scopes.values())
        while todo:
            scope = todo.pop()
            for name in scope.module.module_calls.keys() - scope.children.keys():
                prefix = f"{scope.address}." if scope.address else ""
                todo.append(self._make(scope, f"{prefix}module.{name}", name))

    def _resource(self, scope: Scope, item: ResourceValues) -> Resource:
        managed = item.mode == "managed"
        declared_as = f"{'' if managed else 'data.'}{item.type}.{item.name}"
        declared = scope.declared.get(declared_as)
        region = text(item.values.get("region"))
        resource = Resource(
            scope=scope,
            values=item.values,
            unknown=self._unknown.get(item.address),
            expressions=None if declared is None else declared.expressions,
            address=item.address,
            kind=item.type,
            name=item.name,
            index=item.index,
            region=region if REGION.fullmatch(region) else self._region(scope, declared),
            managed=managed,
            each=None if declared is None else declared.for_each_expression,
        )
        scope.resources.setdefault(declared_as, []).append(resource)
        return resource

    def _region(self, scope: Scope, declared: DeclaredResource | None) -> str:
        """Region of the provider block that a resource uses."""
        key = "" if declared is None else declared.provider_config_key
        if key not in self._regions:
            provider = self._document.configuration.provider_config.get(key, DeclaredProvider())
            # A provider inside a module sees that module's variables.
            inside = scope if provider.module_address else self.root
            region = text(inside.constant(provider.expressions.get("region")))
            self._regions[key] = region if REGION.fullmatch(region) else f"provider {key}".strip()
        return self._regions[key]
