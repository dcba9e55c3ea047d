import pytest

from fakes.scene import Scene


@pytest.fixture(name="scene")
def _scene() -> Scene:
    return Scene()
