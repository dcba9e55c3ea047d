"""Where the other site's ledger listens: as the environment says, or as RDS in its region does.

A deployment gives no address of it: the two sites are made apart. The own cluster's address is
always given, writer and readers, so looking at the own ledger asks no API.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.cached import Cached
from payment_dr.adapters.ledger_address import find_cluster
from payment_dr.core.clock import Clock
from payment_dr.functions.composition import aws_client
from payment_dr.functions.environment import Address, Environment

_CALL_S: Final = 2.0
_AGE_S: Final = 60.0
_STALE_S: Final = 3600.0


def peer_ledger(environment: Environment, clock: Clock) -> Callable[[], Address]:
    """Asks at the first use, and each minute of use; it outlives an outage of RDS by an hour.

    What is returned raises UnavailableError when RDS does not answer and never did.
    """
    given, peer = environment.peer_ledger, environment.peer
    if given is not None:
        return lambda: given
    there = replace(environment, site=peer.name)
    client = aws_client(there, "rds", tight(_CALL_S))
    cluster = environment.settings.resource("cluster", peer.name)

    def find() -> Address:
        found = find_cluster(client, cluster)
        return Address(host=found.host, port=found.port)

    return Cached(find, clock=clock, age_s=_AGE_S, stale_s=_STALE_S)
