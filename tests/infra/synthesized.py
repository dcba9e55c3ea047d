"""Constructs as the JSON that the engine reads, so that tests assert on plain dicts.

Loading the bindings takes seconds and a synthesis milliseconds: a module synthesizes once, in a
fixture of module scope, and its tests read the result.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, Final

from payment_dr.adapters.settings_file import example
from payment_dr.core.settings import Settings
from payment_dr.infra.place import Place

# `payment_dr.infra` has chosen the Node by now; the bindings start it when they are imported.
# isort: split
from cdktn import App, TerraformStack, Testing
from cdktn_provider_aws.provider import AwsProvider

StackJson = Mapping[str, Any]
"""What `cdk.tf.json` holds."""

Body = dict[str, Any]
"""Arguments of one resource."""

CONTEXT: Final[Mapping[str, Any]] = {
    "targetVersions": {"terraform": ">=1.11.0", "opentofu": ">=1.11.0"},
    "canonicalAssetHashes": True,
    "failOnConstructsOutsideOfStacks": True,
}
"""Of the app: without it the bindings refuse write-only and ephemeral values."""


def synthesize(build: Callable[[App], TerraformStack]) -> StackJson:
    """The validated JSON of the stack that `build` makes in an app of its own."""
    with tempfile.TemporaryDirectory() as directory:
        app = App(context=dict(CONTEXT), stack_traces=False, outdir=directory)
        read: StackJson = json.loads(Testing.synth(build(app), run_validations=True))
        return read


def synthesize_at(place: Place, build: Callable[[TerraformStack], object]) -> StackJson:
    """The JSON of a stack in the place's region that holds what `build` puts into it."""

    def made(app: App) -> TerraformStack:
        stack = TerraformStack(app, "stack")
        AwsProvider(stack, "aws", region=place.site.region)
        build(stack)
        return stack

    return synthesize(made)


def resources(stack: StackJson, kind: str) -> dict[str, Body]:
    """Resources of a type, e.g. `aws_vpc`, by their name in the configuration; none is {}."""
    found: dict[str, Body] = stack.get("resource", {}).get(kind, {})
    return found


def data(stack: StackJson, kind: str) -> dict[str, Body]:
    """Data sources of a type by their name in the configuration; none is {}."""
    found: dict[str, Body] = stack.get("data", {}).get(kind, {})
    return found


def ephemerals(stack: StackJson, kind: str) -> dict[str, Body]:
    """Ephemeral resources of a type by their name in the configuration; none is {}."""
    found: dict[str, Body] = stack.get("ephemeral", {}).get(kind, {})
    return found


def the(stack: StackJson, kind: str, **arguments: object) -> Body:
    """The one resource of a type whose arguments are these; AssertionError unless it is one."""
    found = [
        body
        for body in resources(stack, kind).values()
        if all(body.get(name) == value for name, value in arguments.items())
    ]
    assert len(found) == 1, f"{len(found)} resources {kind} with {arguments}"
    return found[0]


def the_name(stack: StackJson, kind: str, **arguments: object) -> str:
    """The name in the configuration of the one resource that `the` finds."""
    body = the(stack, kind, **arguments)
    return next(name for name, other in resources(stack, kind).items() if other is body)


def statements(policy: str) -> dict[str, Body]:
    """Statements of a policy in JSON by their Sid; AssertionError when two share one."""
    listed: list[Body] = json.loads(policy)["Statement"]
    found = {statement["Sid"]: statement for statement in listed}
    assert len(found) == len(listed), "two statements share a Sid"
    return found


def deployed(changes: Mapping[str, object] | None = None) -> Settings:
    """The settings of the production example, some of `deployment` changed."""
    settings = example("production")
    deployment = settings.deployment.model_copy(update=dict(changes or {}))
    return settings.model_copy(update={"deployment": deployment})
