"""PostgreSQL for tests that need a real one."""

from collections.abc import Iterator

import pytest

from fakes.postgres_pair import PostgresPair, postgres_pair


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresPair]:
    """A streaming pair with the roles and an empty database; nobody may change its roles."""
    with postgres_pair() as pair:
        yield pair


@pytest.fixture
def fresh_postgres() -> Iterator[PostgresPair]:
    """A streaming pair of the test's own."""
    with postgres_pair() as pair:
        yield pair
