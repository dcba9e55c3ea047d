"""Health checks: one GET of a path per site and interval, on a connection of its own."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from payment_dr.core.settings import ProbeSettings

_HEADERS: Final = (
    b"HTTP/1.1\r\nHost: health-check\r\nUser-Agent: health-check\r\nConnection: close\r\n\r\n"
)
_LINE_BYTES_MAX: Final = 1024
_HEALTHY: Final = range(200, 400)
"""Statuses that Route 53 counts as healthy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """What is probed: where, and which path of it."""

    host: str
    port: int
    path: str = "/health"


async def probe_for_ever(
    endpoint: Endpoint,
    settings: Callable[[], ProbeSettings],
    report: Callable[[str | None], None],
) -> None:
    """Report each probe's outcome: None, or what was wrong; a probe may take one interval.

    Probes start on a fixed grid, so that a slow one does not delay the next. New settings hold
    from the next probe on.
    """
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        interval_s = settings().interval_s
        report(await probe(endpoint, interval_s))
        due += interval_s
        await asyncio.sleep(max(0, due - loop.time()))


async def probe(endpoint: Endpoint, timeout_s: float) -> str | None:
    """None if the endpoint is healthy, else what was wrong."""
    try:
        async with asyncio.timeout(timeout_s):
            line = await _status_line(endpoint)
    except TimeoutError:
        return f"no answer in {timeout_s:g} s"
    except (OSError, ValueError, EOFError) as error:
        return f"{type(error).__name__}: {error}"
    protocol, _, rest = line.partition(b" ")
    status = rest[:3]
    if not protocol.startswith(b"HTTP/1.") or not status.isdigit():
        return f"no HTTP status: {line!r}"
    return None if int(status) in _HEALTHY else f"status {status.decode()}"


async def _status_line(endpoint: Endpoint) -> bytes:
    reader, writer = await asyncio.open_connection(
        endpoint.host, endpoint.port, limit=_LINE_BYTES_MAX
    )
    try:
        writer.write(b"GET " + endpoint.path.encode() + b" " + _HEADERS)
        return await reader.readline()
    finally:
        # What follows is of no interest; an orderly close would wait for a severed link.
        writer.transport.abort()
