"""What each type offers to be made for real, and what it is given for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from payment_dr.lab.aws_provider.behaviour.cloud import Asked
from payment_dr.lab.aws_provider.behaviour.planning import all_tags
from payment_dr.lab.aws_provider.behaviour.settings import region_of
from payment_dr.lab.aws_provider.wire.values import Object, is_unknown

_ABSENT: Final[tuple[Any, ...]] = (None, "", [], {})


class Clients(Protocol):
    """boto3's clients by service and region."""

    def __call__(self, service: str, region: str) -> Any:
        """A client."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One resource to be made, read, changed or deleted."""

    asked: Asked
    clients: Clients

    @property
    def state(self) -> Object:
        """Attributes as they are planned, or as they are known."""
        return self.asked.state

    @property
    def arguments(self) -> Object:
        """What is written; of a resource that is only looked at, its attributes.

        An invented attribute that nobody has written must not reach the emulator.
        """
        return self.asked.state if self.asked.config is None else self.asked.config

    @property
    def region(self) -> str:
        """Where the resource is."""
        return region_of(self.state, self.asked.settings)

    def client(self, service: str) -> Any:
        """A client of its region."""
        return self.clients(service, self.region)

    def given(self, **names: str) -> dict[str, Any]:
        """Parameters of a call by the names of the arguments; those that are not given left out."""
        return picked(self.arguments, **names)

    def changed(self, *names: str) -> bool:
        """Whether one of these arguments is another than before."""
        prior = self.asked.prior or {}
        return any(prior.get(name) != self.state.get(name) for name in names)

    def tags(self) -> list[dict[str, str]]:
        """All tags as most services want them."""
        return [{"Key": key, "Value": value} for key, value in self.tag_map().items()]

    def tag_map(self) -> dict[str, str]:
        """All tags by key."""
        tags: dict[str, str] = all_tags(self.state, self.asked.settings)
        return tags


def _unchanged(_job: Job) -> Object:
    return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Emulated:
    """A type. What it tells are attributes by name; what is gone raises the service's own error.

    `update` is left out where the emulator keeps nothing that can be changed.
    """

    create: Callable[[Job], Object]
    read: Callable[[Job], Object | None]
    delete: Callable[[Job], object]
    update: Callable[[Job], Object] = _unchanged


Types = Mapping[str, Emulated]


def picked(values: Mapping[str, Any], **names: str) -> dict[str, Any]:
    """Parameters of a call by the names of what they are called in `values`, if given there."""
    return {
        parameter: values[name]
        for parameter, name in names.items()
        if not is_unknown(values.get(name)) and values.get(name) not in _ABSENT
    }


def blocks(state: Mapping[str, Any], name: str) -> list[Object]:
    """Nested blocks of a name."""
    found: list[Object] = state.get(name) or []
    return found


def first(state: Mapping[str, Any], name: str) -> Object:
    """The nested block that may stand once; empty without one."""
    found = blocks(state, name)
    return found[0] if found else {}
