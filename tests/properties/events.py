"""What may happen between two effects: time, replication, losses, moves, jobs."""

from collections.abc import Callable
from functools import partial
from typing import Final

from fakes.provider import KEPT_S
from payment_dr.core.stamp import SiteName
from properties.moves import peer
from properties.world import SITES, World

Event = Callable[[], object]

_EVENT_EVERY: Final = 3
"""One of so many steps is an event, the others go to actors."""

_STEP_S: Final = 0.05
_LEASE_S: Final = 16.0
_STEPS_TO_QUIET_MAX: Final = 20_000


def play(world: World) -> None:
    """Do what the tape says until it ends."""
    events = _events(world)
    while not world.tape.ended:
        choice = world.tape.choose(256)
        world.clock.advance(_STEP_S)
        if choice % _EVENT_EVERY == 0:
            events[choice // _EVENT_EVERY % len(events)]()
        else:
            world.scheduler.step(choice // _EVENT_EVERY)


def quieten(world: World) -> None:
    """Nothing fails any more: all that was begun ends, sites come back, the jobs run."""
    world.scheduler.isolated.clear()
    if world.control.view.active in world.lost and world.moves.move is None:
        world.moves.open(planned=False)
    for _ in range(_STEPS_TO_QUIET_MAX):
        world.flush()
        if not world.scheduler.actors and world.moves.move is None:
            break
        _carry_on(world)
        _replicate(world, None)
        world.scheduler.step(0)
    assert world.moves.move is None, "7: a move does not end"
    world.scheduler.deliver_all()
    _rebuild(world)
    run_jobs(world)


def run_jobs(world: World) -> None:
    """Each job once, where it belongs, after every lease has ended and with nothing behind."""
    world.clock.advance(_LEASE_S)
    active = world.control.view.active
    for job, site in (("sweeper", active), ("poster", active), ("confirmer", peer(active))):
        world.table.refresh_indexes()
        world.refresh_control(site)
        world.jobs[job, site]()
        world.flush()
        _replicate(world, None)


def _events(world: World) -> list[Event]:
    """Each as often as it is in the list: 64 draws in all."""
    scheduler = world.scheduler
    jobs: list[Event] = [partial(world.start_job, job, site) for job, site in world.jobs]
    knowledge: list[Event] = [partial(world.refresh_control, site) for site in SITES]
    return [
        *(partial(_replicate, world, count) for count in (1, 1, 2, 3, None)),
        *(world.table.refresh_indexes for _ in range(4)),
        *(jobs * 2),
        *(knowledge * 2),
        *(partial(world.clock.advance, _LEASE_S) for _ in range(3)),
        *(partial(scheduler.deliver, which) for which in (0, 0, 1, 2)),
        *(partial(_carry_on, world) for _ in range(5)),
        *(partial(_open_move, world, planned=planned) for planned in (True, True, False, False)),
        *(partial(_rebuild, world) for _ in range(2)),
        partial(_lose_ledgers, world),
        partial(_lose_ledgers, world),
        *(partial(_take_the_place_of_a_rebuild, world) for _ in range(2)),
        *(world.back_up for _ in range(2)),
        *(partial(world.start_job, "expirer", site) for site in SITES * 2),
        *(partial(_lose, world, active=active) for active in (True, False)),
        *(partial(_toggle_isolation, world, site) for site in SITES),
        partial(_outage, world),
        world.flush,
    ]


def _replicate(world: World, transactions: int | None) -> None:
    for site, ledger in world.ledgers.items():
        if ledger.source is not None and not {site, peer(site)} & world.lost:
            ledger.catch_up(transactions)


def _has_standby(world: World) -> bool:
    """Whether the other site is there and follows the active one's ledger."""
    active = world.control.view.active
    follows = world.ledgers[peer(active)].source is world.ledgers[active]
    return follows and peer(active) not in world.lost


def _open_move(world: World, *, planned: bool) -> None:
    view = world.control.view
    if view.steady and _has_standby(world) and not (planned and view.active in world.lost):
        world.moves.open(planned=planned)


def _carry_on(world: World) -> None:
    if world.moves.move is not None:
        world.scheduler.spawn(f"move {world.moves.move.epoch}", world.moves.carry_on)


def _rebuild(world: World) -> None:
    view = world.control.view
    if view.steady and view.active not in world.lost and not _has_standby(world):
        world.rebuild(peer(view.active))


def _lose_ledgers(world: World) -> None:
    """Both ledgers are lost, as after a second failure; at some site a backup is restored."""
    if world.moves.move is None:
        site = world.alive[world.tape.choose(len(world.alive))]
        world.moves.open_rebuild(site, world.some_backup(world.tape.choose(256)))
        if not world.lost and world.tape.choose(2):
            _attach_standby(world, site)


def _attach_standby(world: World, site: SiteName) -> None:
    """To a ledger that is not complete yet."""
    world.ledgers[peer(site)].follow(world.ledgers[site])


def _take_the_place_of_a_rebuild(world: World) -> None:
    """A restored ledger is lost in its turn: to another backup, or with its site to a standby."""
    move = world.moves.move
    if move is None or not move.scans:
        return
    other = world.ledgers[peer(move.target)]
    choice = world.tape.choose(3)
    if choice == 0 and not world.lost:
        _attach_standby(world, move.target)
    elif choice == 1 and not world.lost and other.source is world.ledgers[move.target]:
        world.lose(move.target)
        world.moves.open(planned=False)
    else:
        site = world.alive[world.tape.choose(len(world.alive))]
        world.moves.open_rebuild(site, world.some_backup(world.tape.choose(256)))


def _lose(world: World, *, active: bool) -> None:
    view = world.control.view
    if view.steady and not world.lost and _has_standby(world):
        world.lose(view.active if active else peer(view.active))


def _toggle_isolation(world: World, site: SiteName) -> None:
    world.scheduler.isolated ^= {site}


def _outage(world: World) -> None:
    """Everything dies and stays down until the provider has forgotten every key."""
    for site in SITES:
        world.scheduler.doom(site)
    world.scheduler.deliver_all()
    world.clock.advance(KEPT_S + 1)
