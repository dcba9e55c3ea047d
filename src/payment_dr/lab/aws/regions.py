"""Which regions are alive and can reach each other; who has a majority follows from that."""

from collections.abc import Iterable, Mapping
from enum import StrEnum, unique


@unique
class RegionState(StrEnum):
    """ISOLATED answers its own callers but reaches no other region; DOWN answers nobody."""

    UP = "up"
    ISOLATED = "isolated"
    DOWN = "down"


class Regions:
    """The states of all regions of one table: its replicas and its witness."""

    def __init__(self, regions: Iterable[str]) -> None:
        self._states = dict.fromkeys(regions, RegionState.UP)

    @property
    def states(self) -> Mapping[str, RegionState]:
        """Every region's state."""
        return self._states

    def change(self, region: str, state: RegionState) -> None:
        """Set a region's state; KeyError if there is no such region."""
        if region not in self._states:
            raise KeyError(region)
        self._states[region] = state

    def connected(self, *regions: str) -> bool:
        """Whether these regions are up and reach one another."""
        return all(self._states[region] is RegionState.UP for region in regions)

    def has_majority(self, region: str) -> bool:
        """Whether a write from this region can become durable in more than half of the regions."""
        up = sum(state is RegionState.UP for state in self._states.values())
        return self.connected(region) and 2 * up > len(self._states)
