"""From settings to stacks on disk: the checks that need no AWS, the package, the synthesis."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from payment_dr.core.errors import SettingsError
from payment_dr.core.settings import Settings
from payment_dr.infra import aws_limits
from payment_dr.infra.deployment_order import Stack, read_order
from payment_dr.infra.local import CONFIGURATION
from payment_dr.infra.package import FunctionPackage, build

OUT: Final = Path("cdktf.out")
"""Where a synthesis goes unless told otherwise."""
_PACKAGE: Final = "functions.zip"


@dataclass(frozen=True, kw_only=True, slots=True)
class Synthesis:
    """What was synthesized.

    Attributes:
        out: the directory, absolute.
        stacks: in the order of deployment.
        resources: number of managed resources by stack.
        package: of the functions.
    """

    out: Path
    stacks: tuple[Stack, ...]
    resources: dict[str, int]
    package: FunctionPackage


class _Configuration(msgspec.Struct, frozen=True):
    resource: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict[str, dict[str, Any]])


def synthesize(settings: Settings, out: Path) -> Synthesis:
    """Check the settings against AWS's limits, build the package, synthesize every stack.

    Raises:
        SettingsError: the settings cannot be deployed; every reason is named.
        PaymentDrError: the package cannot be built, or the stacks contradict each other.
    """
    require_deployable(settings)
    return write_stacks(settings, out)


def write_stacks(settings: Settings, out: Path) -> Synthesis:
    """The same without AWS's limits, for a deployment to this machine."""
    out = out.absolute()
    package = build(out / _PACKAGE)
    # Loading the bindings takes seconds: nobody else who imports this module pays for it.
    import_module("payment_dr.infra.app").synthesize(settings, out, package)
    stacks = read_order(out, settings)
    return Synthesis(
        out=out,
        stacks=stacks,
        resources={stack.name: _count(stack.directory) for stack in stacks},
        package=package,
    )


def require_deployable(settings: Settings) -> None:
    """Raise SettingsError with every reason why AWS cannot have these settings."""
    problems = aws_limits.problems(settings)
    if problems:
        raise SettingsError(
            "these settings cannot be deployed to AWS:\n" + "\n".join(f"  {p}" for p in problems),
            remedy="compare with `payment-dr settings --example production`",
        )


def _count(directory: Path) -> int:
    text = (directory / CONFIGURATION).read_bytes()
    found = msgspec.json.decode(text, type=_Configuration)
    return sum(len(named) for named in found.resource.values())
