"""How a stand-in of the lab runs as a process: its directory, its addresses, its end."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import Addresses
from payment_dr.lab.directory import read_settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A lab's directory and what it says."""

    directory: Path
    addresses: Addresses
    settings: Settings


def place_at(directory: Path) -> Place:
    """Read `lab.json` and `settings.json` of a lab's directory."""
    return Place(
        directory=directory,
        addresses=Addresses.read(directory),
        settings=read_settings(directory),
    )


def run(serve: Callable[[Place], Awaitable[None]]) -> None:
    """Start servers in the directory named by `--directory`, until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--directory", type=Path, required=True)
    place = place_at(parser.parse_args().directory)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    uvloop.run(_until_told(serve, place))


async def _until_told(serve: Callable[[Place], Awaitable[None]], place: Place) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await serve(place)
    await told.wait()
