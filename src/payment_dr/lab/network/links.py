"""A link: the one way of a caller to a target, which can be delayed, severed or closed."""

import asyncio
import socket
from enum import StrEnum, unique
from typing import Final, TypedDict, assert_never

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.addresses import LinkSpec
from payment_dr.lab.events import EventLog
from payment_dr.lab.network.connection import Connection

CONNECTIONS_MAX: Final = 4096
"""Open connections of one link; further ones are reset."""

_BACKLOG: Final = 1024

_NOTICE_S: Final = 0.002
"""Time that a healing link takes to notice which ends closed while it was severed."""


@unique
class Mode(StrEnum):
    """What a link does with its connections; see `connection` for what each means to their bytes.

    REFUSE: connecting is refused, open connections are reset. BLACKHOLE: severed; a new
    connection seems to open and then hears nothing, until the link passes again.
    """

    PASS = "pass"  # noqa: S105 - not a password
    REFUSE = "refuse"
    BLACKHOLE = "blackhole"


class LinkView(TypedDict):
    """A link as `GET /links` shows it."""

    name: str
    listen: str
    target: str
    mode: str
    delay_ms: float
    connections: int


class Link:
    """Listens at one address and connects to another; starts in mode PASS.

    Raises:
        PaymentDrError: in `start`, and in `change` out of REFUSE, when the address is taken.
    """

    def __init__(self, spec: LinkSpec, events: EventLog) -> None:
        self.name = spec.name
        self.severed = False
        self.delay_s = spec.delay_ms / 1000
        self.target = (spec.target_host, spec.target_port)
        self._listen = (spec.listen_host, spec.listen_port)
        self._events = events
        self._mode = Mode.PASS
        self._changing = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    @property
    def view(self) -> LinkView:
        """What it is and does now."""
        return LinkView(
            name=self.name,
            listen=_text(self._listen),
            target=_text(self.target),
            mode=self._mode,
            delay_ms=self.delay_s * 1000,
            connections=len(self._connections),
        )

    async def start(self) -> None:
        """Listen."""
        await self._open()

    async def change(self, mode: Mode | None = None, delay_ms: float | None = None) -> None:
        """Take up a mode or a delay; in force when this returns, None leaves it as it is."""
        async with self._changing:
            if delay_ms is not None:
                self.delay_s = delay_ms / 1000
            if mode is not None:
                await self._enter(mode)
            self._events.write(
                "link-changed", link=self.name, mode=self._mode, delay_ms=self.delay_s * 1000
            )

    def stop(self) -> None:
        """Close everything; connections are reset."""
        self._close()
        for connection in tuple(self._connections):
            connection.reset()

    def admit(self, connection: Connection) -> bool:
        """Take a new connection up, if there is room and the link does not refuse."""
        if self._mode is Mode.REFUSE or len(self._connections) >= CONNECTIONS_MAX:
            return False
        self._connections.add(connection)
        return True

    def forget(self, connection: Connection) -> None:
        """Both ends of it are gone."""
        self._connections.discard(connection)

    async def _enter(self, mode: Mode) -> None:
        match mode:
            case Mode.REFUSE:
                self._mode = mode
                self.stop()
                self.severed = False
            case Mode.BLACKHOLE:
                await self._open()
                self._mode = mode
                self.severed = True
                for connection in tuple(self._connections):
                    connection.sever()
            case Mode.PASS:
                await self._open()
                self._mode = mode
                if self.severed:
                    await self._heal()
            case unreachable:
                assert_never(unreachable)

    async def _heal(self) -> None:
        # Still severed meanwhile, so that an end whose close has not been read yet gives up.
        await asyncio.sleep(_NOTICE_S)
        self.severed = False
        for connection in tuple(self._connections):
            connection.heal()

    async def _open(self) -> None:
        if self._server:
            return
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(self._listen)
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Connection(self).near, sock=listener, backlog=_BACKLOG
            )
        except OSError as error:
            listener.close()
            raise PaymentDrError(
                f"link {self.name} cannot listen on {_text(self._listen)}: {error.strerror}",
                remedy=f"end the process that holds it (ss -ltnp 'sport = :{self._listen[1]}')",
            ) from error

    def _close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None


def _text(address: tuple[str, int]) -> str:
    host, port = address
    return f"{host}:{port}"
