"""These tests ask a deployment; without the file of its outputs there is none to ask."""

import pytest

from deployment.found import OUTPUTS, Deployment, outputs_file
from payment_dr.core.settings import SiteSettings


@pytest.fixture(scope="session", name="deployed")
def _deployed() -> Deployment:
    file = outputs_file()
    if not file.is_file():
        pytest.skip(
            f"no deployment to test: {file} does not exist; `payment-dr outputs` or `payment-dr "
            f"lab deploy` writes it, and {OUTPUTS} names another place"
        )
    return Deployment.read()


@pytest.fixture(params=["home", "peer"], name="site")
def _site(request: pytest.FixtureRequest, deployed: Deployment) -> SiteSettings:
    """Each site in turn."""
    found: SiteSettings = getattr(deployed, request.param)
    return found
