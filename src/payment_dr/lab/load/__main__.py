"""The load's process: `python -m payment_dr.lab.load --directory DIR --plan FILE --history FILE`.

SIGTERM ends the arrivals; the process ends when it knows what became of everything, or gives up.
The last line of its output is the summary as JSON.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random

import uvloop

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.load.client import Client
from payment_dr.lab.load.history import History
from payment_dr.lab.load.plan import Plan, read_plan
from payment_dr.lab.load.resolver import CachingResolver
from payment_dr.lab.load.run import Load, Summary
from payment_dr.lab.open_files import raise_open_file_limit
from payment_dr.lab.stand_in import Place, place_at


async def perform(place: Place, plan: Plan, history: History, told: asyncio.Event) -> Summary:
    """Run the plan against the lab at `place`."""
    name, addresses = place.settings.dns.name, place.addresses
    clients = [
        Client(
            plan,
            CachingResolver(name, addresses.dns_port),
            port=addresses.api_port,
            host=name,
            rng=Random(f"{plan.seed}-{number}"),
        )
        for number in range(plan.clients)
    ]
    try:
        return await Load(plan, clients, history).run(told)
    finally:
        for client in clients:
            client.close()


async def _until_signalled(place: Place, plan: Plan, path: Path) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    with History(path) as history:
        summary = await perform(place, plan, history, told)
    sys.stdout.write(json.dumps(asdict(summary)) + "\n")


def main(arguments: Sequence[str]) -> None:
    """Run the process; exit status 1 if directory, plan or history cannot be used."""
    parser = argparse.ArgumentParser(prog="payment_dr.lab.load")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--history", type=Path, required=True)
    given = parser.parse_args(arguments)
    raise_open_file_limit()
    try:
        place, plan = place_at(given.directory), read_plan(given.plan)
        uvloop.run(_until_signalled(place, plan, given.history))
    except (PaymentDrError, OSError) as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
