"""The stacks that policies are checked on."""

import pytest

from policy.planned import Stacks, planned


@pytest.fixture(scope="session", name="stacks")
def _stacks(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    """All stacks of the production example, planned."""
    return planned(tmp_path_factory)
