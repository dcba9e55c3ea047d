"""Places to synthesize for: both sites of the production example, and their ground."""

import pytest

from infra.ground import ground
from infra.synthesized import StackJson, deployed
from payment_dr.core.settings import Settings
from payment_dr.infra.place import Place, places


@pytest.fixture(scope="session", name="settings")
def _settings() -> Settings:
    """The production example."""
    return deployed()


@pytest.fixture(scope="session", name="home")
def _home(settings: Settings) -> Place:
    """East, where the global cluster is made."""
    return places(settings)[0]


@pytest.fixture(scope="session", name="peer")
def _peer(settings: Settings) -> Place:
    """West."""
    return places(settings)[1]


@pytest.fixture(scope="session", name="east")
def _east(home: Place) -> StackJson:
    """Keys, network, database, backups and evidence of home."""
    return ground(home)


@pytest.fixture(scope="session", name="west")
def _west(peer: Place) -> StackJson:
    """The same of the other site."""
    return ground(peer)


@pytest.fixture(params=["east", "west"], name="site")
def _site(request: pytest.FixtureRequest) -> StackJson:
    """Each site in turn, for what must hold at both."""
    found: StackJson = request.getfixturevalue(request.param)
    return found


@pytest.fixture(name="place")
def _place(request: pytest.FixtureRequest, home: Place, peer: Place) -> Place:
    """The place of `site`."""
    return home if request.node.callspec.params["site"] == "east" else peer
