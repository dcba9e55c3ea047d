"""The network's process: `python -m payment_dr.lab.network --directory DIR`, until SIGTERM.

It is ready when `GET /links` at `network_control_port` answers.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.events import EventLog
from payment_dr.lab.http_server import HttpServer
from payment_dr.lab.network.control import Control
from payment_dr.lab.network.failover import Failover
from payment_dr.lab.network.links import Link
from payment_dr.lab.network.name_server import name_server
from payment_dr.lab.network.prober import Endpoint, probe_for_ever
from payment_dr.lab.network.zone import Zone
from payment_dr.lab.open_files import raise_open_file_limit
from payment_dr.lab.stand_in import Place, place_at


async def serve(place: Place, told: asyncio.Event) -> None:
    """Run everything until `told` is set.

    Raises:
        PaymentDrError: an address is taken.
    """
    async with AsyncExitStack() as stack:
        events = stack.enter_context(EventLog(place.directory / "events" / "network.jsonl"))
        failover = Failover(place.settings, events, now_ns=time.time_ns)
        links = {spec.name: Link(spec, events) for spec in place.addresses.links}
        for link in links.values():
            stack.callback(link.stop)
            await link.start()
        zone = Zone(place.settings.dns, lambda: place.addresses.link_address[failover.answer])
        await stack.enter_async_context(
            name_server(LOOPBACK, place.addresses.dns_port, zone.respond)
        )
        control = HttpServer(
            place.addresses.network_control_port, Control(links, failover, zone).handle
        )
        stack.callback(control.refuse)
        await control.open()
        await _watch(place, failover, told)


async def _watch(place: Place, failover: Failover, told: asyncio.Event) -> None:
    """Probe until told to end; whatever fails ends the process."""
    settings, addresses = place.settings, place.addresses

    def probing(
        site: str, path: str, report: Callable[[str | None], None]
    ) -> Coroutine[Any, Any, None]:
        link = addresses.link(f"prober->{site}")
        endpoint = Endpoint(host=link.listen_host, port=link.listen_port, path=path)
        return probe_for_ever(endpoint, lambda: failover.probes, report)

    watchers = [
        *(
            probing(site.name, "/health", partial(failover.probed, site.name))
            for site in settings.sites
        ),
        probing(settings.peer(settings.home).name, "/takeover", failover.takeover_probed),
    ]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(watcher) for watcher in watchers]
        await told.wait()
        for task in tasks:
            task.cancel()


async def _until_signalled(place: Place) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await serve(place, told)


def main(arguments: Sequence[str]) -> None:
    """Run the process until it is told to end; exit status 1 if directory or addresses fail it."""
    parser = argparse.ArgumentParser(prog="payment_dr.lab.network")
    parser.add_argument("--directory", type=Path, required=True)
    raise_open_file_limit()
    try:
        uvloop.run(_until_signalled(place_at(parser.parse_args(arguments).directory)))
    except (PaymentDrError, OSError) as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
