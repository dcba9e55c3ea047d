"""Names are resolved by name servers, within the time that is given."""

import pytest
from dns.resolver import NoResolverConfiguration

from payment_dr.adapters.name_resolver import resolving
from payment_dr.core.errors import UnavailableError


class FakeAnswers:
    def __init__(self, *found: str) -> None:
        self._found = found

    def addresses(self) -> tuple[str, ...]:
        return self._found


class FakeResolver:
    def __init__(self, outcome: FakeAnswers | type[Exception]) -> None:
        self.outcome = outcome
        self.asked: list[tuple[str, float]] = []

    def resolve_name(self, name: str, *, lifetime: float) -> FakeAnswers:
        self.asked.append((name, lifetime))
        if isinstance(self.outcome, FakeAnswers):
            return self.outcome
        raise self.outcome


def test_every_address_is_given_once_those_of_ipv4_first() -> None:
    resolver = FakeResolver(FakeAnswers("2600::1", "8.8.8.8", "1.1.1.1", "8.8.8.8"))
    found = resolving(lambda: resolver)("hooks.example", 1.5)  # type: ignore[arg-type,return-value] # a fake
    assert list(found) == ["1.1.1.1", "8.8.8.8", "2600::1"]
    assert resolver.asked == [("hooks.example", 1.5)]


def test_a_name_that_is_not_resolved_is_unavailable() -> None:
    resolver = FakeResolver(NoResolverConfiguration)
    with pytest.raises(UnavailableError, match="is not resolved: "):
        resolving(lambda: resolver)("hooks.example", 1.0)  # type: ignore[arg-type,return-value] # a fake


def test_a_system_without_name_servers_is_unavailable() -> None:
    def none() -> FakeResolver:
        raise NoResolverConfiguration

    with pytest.raises(UnavailableError, match="NoResolverConfiguration"):
        resolving(none)("hooks.example", 1.0)  # type: ignore[arg-type] # a fake
