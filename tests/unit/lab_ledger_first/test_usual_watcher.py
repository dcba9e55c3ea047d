"""The usual design's watcher: two signals, and one promotion."""

import pytest

from fakes.clock import FakeClock
from fakes.composed import SETTINGS
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.lab.ledger_first.watcher import UsualWatcher, steady_at
from payment_dr.recovery.control import Phase
from payment_dr.recovery.ports import GlobalClusterView, LedgerView

EAST = SiteName("east")
WEST = SiteName("west")
THRESHOLD = SETTINGS.probes.threshold


class FakeSite:
    """The world as a watcher sees it: platform, own ledger and zone."""

    def __init__(self) -> None:
        self.writer: SiteName | None = EAST
        self.zone: SiteName | None = EAST
        self.peer_healthy: bool | None = True
        self.writable = False
        self.promotions: list[SiteName] = []
        self.on_failover = self.promoted
        self.platform_answers = True

    def promoted(self) -> None:
        self.writer = WEST
        self.writable = True

    def describe(self) -> GlobalClusterView:
        if not self.platform_answers:
            raise UnavailableError("RDS did not answer")
        return GlobalClusterView(writer=self.writer, available=frozenset({EAST, WEST}))

    def failover(self, target: SiteName) -> None:
        self.promotions.append(target)
        self.on_failover()

    def switchover(self, target: SiteName) -> None:
        raise NotImplementedError(target)

    def view(self, site: SiteName) -> LedgerView:
        stamp = Stamp(epoch=Epoch(1), site=EAST)
        assert site == WEST
        return LedgerView(stamp=stamp, writable=self.writable, receiving=False, lag_bytes=None)

    def stamp(self, site: SiteName, stamp: Stamp) -> None:
        raise NotImplementedError(site, stamp)

    def answer(self) -> SiteName | None:
        return self.zone

    def healthy(self, site: SiteName) -> bool:
        raise NotImplementedError(site)


def watch(world: FakeSite, site: SiteName = WEST, settings: Settings = SETTINGS) -> UsualWatcher:
    return UsualWatcher(
        site=site,
        settings=settings,
        clusters=world,
        ledgers=world,
        routing=world,
        clock=FakeClock(),
        probe=lambda: world.peer_healthy,
    )


def lose_east(world: FakeSite) -> None:
    world.zone = WEST
    world.peer_healthy = False


@pytest.fixture(name="world")
def well_world() -> FakeSite:
    return FakeSite()


def ticks(watcher: UsualWatcher, count: int) -> list[str]:
    return [watcher.tick().verdict for _ in range(count)]


def test_a_watcher_is_calm_while_the_peer_answers(world: FakeSite) -> None:
    assert set(ticks(watch(world), 2 * THRESHOLD)) == {"Calm"}
    assert world.promotions == []


def test_a_site_is_promoted_when_zone_and_own_requests_agree(world: FakeSite) -> None:
    lose_east(world)
    verdicts = ticks(watch(world), THRESHOLD + 1)
    assert verdicts == ["Calm"] * (THRESHOLD - 1) + ["OpenMove", "Calm"]
    assert world.promotions == [WEST]


def test_one_signal_alone_promotes_nobody(world: FakeSite) -> None:
    world.peer_healthy = False
    ticks(watch(world), 3 * THRESHOLD)
    world.peer_healthy, world.zone = True, WEST
    ticks(watch(world), 3 * THRESHOLD)
    assert world.promotions == []


def test_settings_may_leave_the_promotion_to_people(world: FakeSite) -> None:
    lose_east(world)
    manual = SETTINGS.model_copy(
        update={"failover": SETTINGS.failover.model_copy(update={"automatic": False})}
    )
    assert ticks(watch(world, settings=manual), THRESHOLD)[-1] == "AskOperator"
    assert world.promotions == []


@pytest.mark.parametrize("site", [EAST, WEST])
def test_the_writers_own_watcher_is_calm(world: FakeSite, site: SiteName) -> None:
    lose_east(world)
    world.writer = site
    assert set(ticks(watch(world, site), 2 * THRESHOLD)) == {"Calm"}
    assert world.promotions == []


def test_without_the_platform_nothing_is_decided(world: FakeSite) -> None:
    lose_east(world)
    world.platform_answers = False
    assert set(ticks(watch(world), 2 * THRESHOLD)) == {"Blind"}
    assert world.promotions == []


def test_without_a_writer_nothing_is_decided(world: FakeSite) -> None:
    lose_east(world)
    world.writer = None
    assert set(ticks(watch(world), 2 * THRESHOLD)) == {"Calm"}
    assert world.promotions == []


def test_a_promotion_that_was_taken_but_not_answered_is_found_by_looking(world: FakeSite) -> None:
    def unanswered() -> None:
        world.promoted()
        raise UnavailableError("timed out", definite=False)

    world.on_failover = unanswered
    lose_east(world)
    watcher = watch(world)
    ticks(watcher, THRESHOLD - 1)
    assert watcher.tick().detail.startswith("west is the writer; site lost")


def test_a_promotion_that_does_not_come_is_given_up_within_its_budget(world: FakeSite) -> None:
    world.on_failover = lambda: None
    lose_east(world)
    watcher = watch(world)
    ticks(watcher, THRESHOLD - 1)
    assert watcher.tick().detail == "west did not become the writer"
    budget = SETTINGS.failover.budgets.promote_s
    assert budget <= watcher.clock.monotonic() <= budget + 1


def test_a_platform_that_falls_silent_is_named_when_giving_up(world: FakeSite) -> None:
    def silent() -> None:
        world.platform_answers = False

    world.on_failover = silent
    lose_east(world)
    watcher = watch(world)
    ticks(watcher, THRESHOLD - 1)
    assert watcher.tick().detail == "west did not become the writer: RDS did not answer"


def test_a_writer_that_is_still_read_only_is_not_promoted_yet(world: FakeSite) -> None:
    def half() -> None:
        world.writer = WEST

    world.on_failover = half
    lose_east(world)
    watcher = watch(world)
    assert watcher.tick().verdict == "Calm"
    ticks(watcher, THRESHOLD - 2)
    assert watcher.tick().detail == "west did not become the writer"


def test_in_place_of_a_control_record_the_writer_is_active_and_the_phase_steady() -> None:
    control = steady_at(WEST)
    assert (control.active, control.phase, control.move) == (WEST, Phase.STEADY, None)
