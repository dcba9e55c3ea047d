from collections.abc import Mapping
from pathlib import Path

import pytest

from payment_dr.lab.aws_provider import install
from payment_dr.lab.aws_provider.schema import cache
from payment_dr.lab.aws_provider.schema.answer import Schemas
from terraform.workspace import Workspace


@pytest.fixture(scope="session", name="environment")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return install(tmp_path_factory.mktemp("stand-in"))


@pytest.fixture(name="workspace")
def empty_workspace(tmp_path: Path, environment: Mapping[str, str]) -> Workspace:
    return Workspace(tmp_path, environment)


@pytest.fixture(scope="session", name="schemas")
def all_schemas() -> Schemas:
    return Schemas(cache.answer())
