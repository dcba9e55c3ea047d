"""PostgreSQL for tests that need a real one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def open_path() -> Iterator[Path]:
    """Like `tmp_path`, but every user may enter: so may PostgreSQL when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="payment-dr-test-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path
