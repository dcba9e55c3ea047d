"""Posts to addresses that strangers name, and reaches nothing but the public internet by it.

A name is resolved once, every address of it must be public, and the connection goes to one of
these very addresses; TLS proves the name. Redirects are answers, not followed. No byte that the
other end holds back makes a request outlast its time.
"""

import io
import ipaddress
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Lock
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from payment_dr.core.errors import UnavailableError
from payment_dr.payments.deliveries import Answered, NoAnswer
from payment_dr.payments.webhooks import url_fault

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

CONNECT_S: Final = 2.0
TOTAL_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 4096
"""Read of an answer at most; a connection with more to read is not used again."""

_IDLE_S: Final = 30.0
"""How long a connection may wait for its next request: so long its address is not looked up."""

_IDLE_MAX: Final = 32
_HTTPS_PORT: Final = 443

Resolve = Callable[[str, float], Sequence[str]]
"""Addresses of a name within so many seconds; raises UnavailableError."""

_TRANSLATED: Final = tuple(
    ipaddress.ip_network(network)
    for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
"""IPv6 networks that lead to IPv4 addresses by translation or tunnel, private ones included."""


def is_public(address: str) -> bool:
    """Whether it is an address of one host on the public internet.

    https://www.iana.org/assignments/iana-ipv6-special-registry lists the others.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None or any(parsed in network for network in _TRANSLATED):
            return False
        if parsed.is_site_local:
            return False
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Target:
    """Where a URL leads."""

    host: str
    port: int
    path: str
    is_secure: bool


class WebhookSender:
    """`payments.deliveries.Sender`; safe to share between threads.

    Args:
        resolve: finds the addresses of a name.
        tls: whom to trust; the system's authorities by default.
        loopback: whether `http://127...` may be asked as well. Only a lab says so, in its own code:
            no setting of a deployment leads here.
        connect_s: longest time to connect, resolving and TLS included.
        total_s: longest time of a request.
    """

    def __init__(
        self,
        resolve: Resolve,
        *,
        tls: ssl.SSLContext | None = None,
        loopback: bool = False,
        connect_s: float = CONNECT_S,
        total_s: float = TOTAL_S,
    ) -> None:
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._loopback = loopback
        self._connect_s = connect_s
        self._total_s = total_s
        self._lock = Lock()
        self._idle: dict[_Target, list[_Connection]] = defaultdict(list)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            for connection in (one for kept in self._idle.values() for one in kept):
                connection.close()
            self._idle.clear()

    def send(self, url: str, body: bytes, headers: dict[str, str]) -> Answered | NoAnswer:
        """One request; a second one only on a connection that the other end had closed."""
        target = self._target(url)
        if isinstance(target, NoAnswer):
            return target
        deadline = time.monotonic() + self._total_s
        kept = self._kept(target)
        if kept is not None:
            with suppress(ConnectionError):
                return self._exchange(kept, target, body, headers, deadline)
        try:
            connection = self._connected(target, deadline)
            return self._exchange(connection, target, body, headers, deadline)
        except UnavailableError as error:
            return NoAnswer(reason=error.what)
        except ConnectionError as error:
            return NoAnswer(reason=_named(error))

    def _target(self, url: str) -> _Target | NoAnswer:
        if self._loopback and url.startswith("http://127."):
            parts = urlsplit(url)
            return _Target(
                host=parts.hostname or "",
                port=parts.port or 80,
                path=parts.path or "/",
                is_secure=False,
            )
        fault = url_fault(url)
        if fault is not None:
            return NoAnswer(reason=f"the URL {fault}")
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return _Target(
            host=parts.hostname or "",
            port=_HTTPS_PORT,
            path=f"{parts.path or '/'}{query}",
            is_secure=True,
        )

    def _exchange(
        self,
        connection: "_Connection",
        target: _Target,
        body: bytes,
        headers: dict[str, str],
        deadline: float,
    ) -> Answered | NoAnswer:
        """Ask and read; the connection is kept or closed. ConnectionError: it was of no use."""
        connection.until(deadline)
        try:
            status, is_reusable = connection.post(target, body, headers)
        except ConnectionError:
            connection.close()
            raise
        except (OSError, HTTPException, ValueError) as error:
            connection.close()
            return NoAnswer(reason=_named(error))
        if is_reusable:
            self._keep(target, connection)
        else:
            connection.close()
        return Answered(status=status)

    def _kept(self, target: _Target) -> "_Connection | None":
        with self._lock:
            waiting = self._idle[target]
            while waiting:
                connection = waiting.pop()
                if time.monotonic() - connection.used_at < _IDLE_S:
                    return connection
                connection.close()
        return None

    def _keep(self, target: _Target, connection: "_Connection") -> None:
        connection.used_at = time.monotonic()
        with self._lock:
            waiting = self._idle[target]
            waiting.append(connection)
            spare = waiting.pop(0) if len(waiting) > _IDLE_MAX else None
        if spare is not None:
            spare.close()

    def _connected(self, target: _Target, deadline: float) -> "_Connection":
        """A connection to one of the name's addresses, all of which are public."""
        end = min(time.monotonic() + self._connect_s, deadline)
        addresses = self._addresses(target, end)
        trouble = "it has no address"
        for address in addresses:
            try:
                return self._dial(address, target, end)
            except OSError as error:
                trouble = _named(error)
        raise UnavailableError(f"cannot connect to {target.host}: {trouble}")

    def _addresses(self, target: _Target, end: float) -> Sequence[str]:
        if not target.is_secure:
            return (target.host,)
        found = self._resolve(target.host, max(end - time.monotonic(), 0.0))
        if not all(is_public(address) for address in found):
            raise UnavailableError(f"{target.host} has an address that is not public")
        return found

    def _dial(self, address: str, target: _Target, end: float) -> "_Connection":
        raw = socket.create_connection((address, target.port), _left(end))
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if target.is_secure:
                raw = self._tls.wrap_socket(
                    raw, server_hostname=target.host, do_handshake_on_connect=False
                )
                raw.settimeout(_left(end))
                raw.do_handshake()
        except OSError:
            raw.close()
            raise
        return _Connection(raw)


class _TimedSocket:
    """As much of a socket as http.client uses; nothing it does goes on after `deadline`."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        self.deadline = 0.0

    def sendall(self, data: "ReadableBuffer") -> None:
        """Send all of it, or raise when the time is over."""
        self._raw.settimeout(_left(self.deadline))
        self._raw.sendall(data)

    def recv_into(self, buffer: "WriteableBuffer") -> int:
        """Receive what is there, waiting for the first byte of it."""
        self._raw.settimeout(_left(self.deadline))
        return self._raw.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What an answer is read from."""
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Close it."""
        self._raw.close()


class _Reader(io.RawIOBase):
    """Reads a timed socket; closing it leaves the socket open, for the next answer."""

    def __init__(self, source: _TimedSocket) -> None:
        super().__init__()
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        return self._source.recv_into(buffer)


class _Connection:
    """An open connection; `used_at` in monotonic seconds."""

    def __init__(self, raw: socket.socket) -> None:
        self.used_at = 0.0
        self._timed = _TimedSocket(raw)
        self._http = HTTPConnection("")
        self._http.auto_open = 0  # it has no address to open another one to
        self._http.sock = self._timed

    def until(self, deadline: float) -> None:
        """Let nothing last longer."""
        self._timed.deadline = deadline

    def post(self, target: _Target, body: bytes, headers: dict[str, str]) -> tuple[int, bool]:
        """The status, and whether the connection can be used again."""
        port = "" if target.is_secure else f":{target.port}"
        self._http.request("POST", target.path, body, {"host": f"{target.host}{port}", **headers})
        answer = self._http.getresponse()
        answer.read(ANSWER_BYTES_MAX)
        return answer.status, answer.isclosed() and not answer.will_close

    def close(self) -> None:
        """Close it."""
        self._http.close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time of the request is over")
    return left


def _named(error: Exception) -> str:
    """What went wrong, without a word of what the other end sent."""
    match error:
        case TimeoutError():
            return "no answer in time"
        case ssl.SSLError():
            return f"TLS failed: {error.reason}"
        case OSError():
            return error.strerror or type(error).__name__
        case _:
            return type(error).__name__
