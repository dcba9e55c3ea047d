import pytest

from payment_dr.lab.aws.regions import Regions, RegionState

EAST, WEST, WITNESS = "us-east-1", "us-west-2", "us-east-2"
UP, ISOLATED, DOWN = RegionState.UP, RegionState.ISOLATED, RegionState.DOWN


@pytest.mark.parametrize(
    ("east", "west", "witness", "majority"),
    [
        (UP, UP, UP, {EAST, WEST, WITNESS}),
        (DOWN, UP, UP, {WEST, WITNESS}),
        (ISOLATED, UP, UP, {WEST, WITNESS}),
        (UP, UP, ISOLATED, {EAST, WEST}),
        (UP, UP, DOWN, {EAST, WEST}),
        (UP, DOWN, DOWN, set()),
        (ISOLATED, ISOLATED, UP, set()),
        (ISOLATED, ISOLATED, ISOLATED, set()),
    ],
)
def test_a_majority_is_two_of_three_regions_that_reach_each_other(
    east: RegionState, west: RegionState, witness: RegionState, majority: set[str]
) -> None:
    regions = Regions((EAST, WEST, WITNESS))
    for region, state in zip((EAST, WEST, WITNESS), (east, west, witness), strict=True):
        regions.change(region, state)
    assert {region for region in regions.states if regions.has_majority(region)} == majority


def test_a_region_of_no_table_cannot_change() -> None:
    with pytest.raises(KeyError):
        Regions((EAST,)).change(WEST, DOWN)
