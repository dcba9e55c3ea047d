from collections.abc import Iterator

import pytest

from fakes.aws import EAST, WEST, WITNESS, CloudUnderTest
from fakes.loop_thread import LoopThread
from payment_dr.lab.aws.regions import RegionState


@pytest.fixture(scope="module", name="loop")
def loop_thread() -> Iterator[LoopThread]:
    with LoopThread() as thread:
        yield thread


@pytest.fixture(scope="module", name="shared_cloud")
def module_cloud(loop: LoopThread) -> Iterator[CloudUnderTest]:
    cloud = CloudUnderTest(loop, majority_delay_ms=4)
    yield cloud
    cloud.close()


@pytest.fixture(name="cloud")
def healthy_cloud(shared_cloud: CloudUnderTest) -> Iterator[CloudUnderTest]:
    """The module's cloud, every region up before and after."""
    yield shared_cloud
    for region in (EAST, WEST, WITNESS):
        shared_cloud.change(region, RegionState.UP)
    shared_cloud.databases.refusal = None
    shared_cloud.databases.moves.clear()
