"""How a stand-in of the lab runs as a process: its directory, its addresses, its end."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
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


def main(serve: Callable[[Place], Awaitable[None]], arguments: Sequence[str]) -> int:
    """Start servers for the directory named by `--directory`, until SIGTERM or SIGINT.

    Returns:
        The exit status: 0 when told to end, 1 when an address or the directory cannot be used.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--directory", type=Path, required=True)
    directory: Path = parser.parse_args(arguments).directory
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    try:
        uvloop.run(_until_told(serve, place_at(directory)))
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - for people
        return 1
    return 0


async def _until_told(serve: Callable[[Place], Awaitable[None]], place: Place) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await serve(place)
    await told.wait()
