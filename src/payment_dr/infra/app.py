"""All stacks of an environment, from settings to files.

Stacks depend on each other only in the order of their deployment: none refers to another one.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import jsii
from cdktn import App
from constructs import IValidation

from payment_dr.core.errors import SettingsError
from payment_dr.core.settings import Settings
from payment_dr.infra import budget
from payment_dr.infra.deployment_order import expected_order
from payment_dr.infra.package import FunctionPackage
from payment_dr.infra.place import places
from payment_dr.infra.stacks.foundation import foundation_stack
from payment_dr.infra.stacks.links import links_stack
from payment_dr.infra.stacks.site import site_stack

CONTEXT: Final[Mapping[str, Any]] = {
    "targetVersions": {"terraform": ">=1.11.0", "opentofu": ">=1.11.0"},
    "canonicalAssetHashes": True,
    "failOnConstructsOutsideOfStacks": True,
}
"""Of the app: without the versions the bindings refuse write-only and ephemeral values."""


def synthesize(settings: Settings, outdir: Path, package: FunctionPackage) -> tuple[str, ...]:
    """Write every stack's configuration to `outdir/stacks/<name>/cdk.tf.json`.

    Returns:
        Names of the stacks, in the order of deployment.

    Raises:
        SettingsError: a budget cannot be kept; every such sum is shown, and nothing is written.
    """
    exceeded = budget.problems(settings)
    app = _app(settings, outdir, package, exceeded)
    try:
        app.synth()
    except RuntimeError as error:
        if not exceeded:
            raise
        raise SettingsError(
            "these settings promise what they cannot keep:\n"
            + "\n".join(f"  {line}" for line in exceeded),
            remedy="raise the objective or the budget, or lower what it adds up from",
        ) from error
    return expected_order(settings)


def _app(settings: Settings, outdir: Path, package: FunctionPackage, exceeded: list[str]) -> App:
    app = App(outdir=str(outdir.absolute()), context=dict(CONTEXT), stack_traces=False)
    home, peer = places(settings)
    stacks = (
        foundation_stack(app, home, peer),
        site_stack(app, home, package),
        site_stack(app, peer, package),
        links_stack(app, home, peer),
    )
    for earlier, later in pairwise(stacks):
        later.add_dependency(earlier)
    # Whoever synthesizes this app, by whatever way, is refused.
    app.node.add_validation(Budgets(exceeded))
    return app


@jsii.implements(IValidation)
class Budgets:
    """Refuses a synthesis by the sums that do not fit."""

    def __init__(self, exceeded: list[str]) -> None:
        self._exceeded = exceeded

    def validate(self) -> list[str]:
        """What does not fit; the bindings stop when it is not empty."""
        return self._exceeded
