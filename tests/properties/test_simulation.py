"""The protocol under random interleavings, crashes, lost answers, moves and losses of sites."""

from contextlib import closing
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from properties.bugs import Bug
from properties.clients import Clients
from properties.events import play, quieten, run_jobs
from properties.invariants import check
from properties.scheduler import Tape
from properties.world import World

_TAPE: Final = 1_000
"""Bytes of a tape: some 300 steps, of which a third are events."""

_WITH_CLIENTS: Final = 700
"""Of these bytes: in the rest no client is left."""

_SCHEDULES_PER_BUG: Final = 3_000


def simulate(content: bytes, bug: Bug | None = None) -> World:
    """Play one tape to the end and assert every invariant."""
    world = World(Tape(content[:_WITH_CLIENTS]), bug)
    with closing(world.scheduler):
        clients = Clients(world)
        world.finished_payments = clients.finished
        clients.start()
        play(world)
        quieten(world)
        # What follows when all clients have gone: records expire, and ledgers are lost again.
        world.tape.extend(content[_WITH_CLIENTS:])
        play(world)
        quieten(world)
        for request in clients.remembered():
            for site in world.alive:
                clients.ask(request, site)
        run_jobs(world)
        check(world, clients)
    return world


@settings(derandomize=True, max_examples=600, deadline=None, database=None)
@given(st.binary(min_size=_TAPE, max_size=_TAPE))
def test_no_interleaving_breaks_an_invariant(tape: bytes) -> None:
    simulate(tape)


@pytest.mark.parametrize(
    ("bug", "invariant"),
    [
        (Bug.TIMEOUT_IS_A_DECLINE, "9: "),
        (Bug.POSTING_WITHOUT_STAMP_CHECK, "10: "),
        (Bug.ACKNOWLEDGED_BEFORE_DECIDED, "1: "),
        (Bug.CONFIRMED_ANYWHERE, "5: "),
        (Bug.SENT_AGAIN_AFTER_KEYS_EXPIRED, "2: "),
        (Bug.UNCONDITIONAL_WRITES, "4: "),
        (Bug.REBUILD_TRUSTS_CONFIRMATIONS, "3: "),
        (Bug.REBUILD_LEAVES_CONFIRMATIONS, "5: "),
        (Bug.SUPERSEDED_SCAN_IS_DROPPED, "3: "),
        (Bug.EXPIRES_UNCONFIRMED, "5: "),
        (Bug.EXPIRES_BEFORE_THE_BACKUPS, "3: "),
    ],
)
def test_a_planted_bug_breaks_its_invariant(bug: Bug, invariant: str) -> None:
    broken = (broken_invariant(seed, bug) for seed in range(_SCHEDULES_PER_BUG))
    assert any(text.startswith(invariant) for text in broken)


def broken_invariant(seed: int, bug: Bug) -> str:
    """What the first violation of a schedule says; empty without one."""
    try:
        simulate(Random(seed).randbytes(_TAPE), bug)
    except AssertionError as error:
        return str(error)
    except KeyError:
        return "an acknowledged operation is gone from its record"
    return ""


def test_the_schedules_reach_what_they_are_for() -> None:
    """Several moves of either kind, lost sites and open operations occur in a few schedules."""
    worlds = [simulate(Random(seed).randbytes(_TAPE)) for seed in range(40)]
    assert sum(world.moves.finished for world in worlds) > 15
    assert any(world.moves.finished > 2 for world in worlds)
    assert sum(len(world.provider.effects) for world in worlds) > 60


def test_a_quiet_schedule_pays_and_confirms_everything() -> None:
    world = simulate(b"")
    assert len(world.provider.effects) == len(world.table.records) == 2
    assert all(record.unconfirmed is None for record in world.table.records.values())
