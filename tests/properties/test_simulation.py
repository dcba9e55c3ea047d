"""The protocol under random interleavings, crashes, lost answers, moves and site losses."""

from contextlib import closing
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from properties.bugs import Bug
from properties.clients import Clients
from properties.events import play, quieten, run_jobs
from properties.invariants import check
from properties.scheduler import Tape
from properties.world import World


def simulate(content: bytes, bug: Bug | None = None) -> World:
    """Play one tape to the end and assert every invariant."""
    world = World(Tape(content), bug)
    with closing(world.scheduler):
        clients = Clients(world)
        clients.start()
        play(world)
        quieten(world)
        for request in list(clients.answers):
            for site in world.alive:
                clients.ask(request, site)
        run_jobs(world)
        check(world, clients)
    return world
