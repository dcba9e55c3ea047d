"""The synthesized stacks in the order in which they are deployed, checked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import msgspec

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import Settings
from payment_dr.infra.local import CONFIGURATION

FOUNDATION: Final = "foundation"
LINKS: Final = "links"

MANIFEST: Final = "manifest.json"
_SYNTHESIZE: Final = "payment-dr synth"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """A synthesized stack; `directory` is absolute."""

    name: str
    directory: Path


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    working_directory: str
    dependencies: list[str] = msgspec.field(default_factory=list[str])


class _Manifest(msgspec.Struct, frozen=True):
    stacks: dict[str, _Entry]


def expected_order(settings: Settings) -> tuple[str, ...]:
    """Names of an environment's stacks: home before the other site, whose cluster joins home's."""
    return (FOUNDATION, settings.home, settings.peer(settings.home).name, LINKS)


def read_order(out: Path, settings: Settings) -> tuple[Stack, ...]:
    """The stacks of a synthesis, each after all that it depends on.

    Raises:
        PaymentDrError: there is no synthesis, it is not of these settings, or its dependencies
            contradict the order that a deployment needs.
    """
    expected = expected_order(settings)
    entries = _read(out / MANIFEST)
    if set(entries) != set(expected):
        raise PaymentDrError(
            f"{out / MANIFEST} has the stacks {sorted(entries)}; these settings make "
            f"{list(expected)}",
            remedy=_SYNTHESIZE,
        )
    _require_order(expected, {name: entry.dependencies for name, entry in entries.items()})
    stacks = tuple(
        Stack(name=name, directory=(out / entries[name].working_directory).absolute())
        for name in expected
    )
    for stack in stacks:
        if not (stack.directory / CONFIGURATION).is_file():
            raise PaymentDrError(f"{stack.directory} has no {CONFIGURATION}", remedy=_SYNTHESIZE)
    return stacks


def choose(
    stacks: tuple[Stack, ...], *, only: str | None = None, start: str | None = None
) -> tuple[Stack, ...]:
    """All of them, the one named `only`, or those from `start` on.

    Raises:
        PaymentDrError: there is none of that name, or both were given.
    """
    if only is not None and start is not None:
        raise PaymentDrError(f"only {only}, or everything from {start} on: give one of the two")
    names = [stack.name for stack in stacks]
    for wanted in (only, start):
        if wanted is not None and wanted not in names:
            raise PaymentDrError(f"there is no stack {wanted!r}; there are {', '.join(names)}")
    if only is not None:
        return tuple(stack for stack in stacks if stack.name == only)
    return stacks[names.index(start) if start is not None else 0 :]


def _read(manifest: Path) -> dict[str, _Entry]:
    try:
        return msgspec.json.decode(manifest.read_bytes(), type=_Manifest).stacks
    except OSError as error:
        raise PaymentDrError(f"{manifest}: {error.strerror}", remedy=_SYNTHESIZE) from error
    except msgspec.DecodeError as error:
        raise PaymentDrError(
            f"{manifest} is no manifest of a synthesis: {error}", remedy=_SYNTHESIZE
        ) from error


def _require_order(expected: tuple[str, ...], needs: Mapping[str, Iterable[str]]) -> None:
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        raise PaymentDrError(
            f"stacks depend on each other in a circle: {' -> '.join(error.args[1])}"
        ) from error
    for name, dependencies in needs.items():
        for dependency in dependencies:
            earlier = expected[: expected.index(name)]
            if dependency not in earlier:
                raise PaymentDrError(
                    f"stack {name} depends on {dependency}, which is deployed after it; "
                    f"the order is {', '.join(expected)}"
                )
