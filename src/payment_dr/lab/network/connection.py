"""One proxied connection: two ends, and between them a delay line for each direction.

What holds in each state of the link:

- passing: bytes, half-closes and resets arrive in order, `delay_s` after they came in. Without
  delay and queue they are handed on at once. Opening a connection takes no round trip of its own.
- severed: nothing arrives, in either direction, not even a reset. What was on its way waits, as
  TCP would retransmit it. An end that closes while severed, or had closed while its bytes were
  still on their way, has given up: what it sent is forgotten, and the other end is reset when the
  link heals, unless its own time-out ends it before.
- reset: both ends are reset at once, and what was on its way is lost.
"""

import asyncio
import socket
import struct
from collections import deque
from enum import Enum, unique
from typing import Final, Protocol, assert_never, cast

BUFFER_MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes on their way in one direction before the sender is made to wait: 80 MB/s at 100 ms."""

CONNECT_TIMEOUT_S: Final = 5
"""Longest time a target may take to accept."""

_TIMER_STEP_S: Final = 0.0005
"""Half of what the loop's timers resolve: bytes due within it are delivered now."""

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Line(Protocol):
    """What a connection asks of its link; `delay_s` is what bytes need that come in now."""

    severed: bool
    delay_s: float
    target: tuple[str, int]

    def admit(self, connection: "Connection") -> bool:
        """Take the connection up; False if there are too many."""
        ...

    def forget(self, connection: "Connection") -> None:
        """Both ends are gone."""
        ...


@unique
class Mark(Enum):
    """What may be on its way besides bytes."""

    END = "end"
    RESET = "reset"


class End(asyncio.Protocol):
    """One socket of a connection, and what came in by it and is on its way to the other end.

    `gone` means that nothing can arrive at this socket any more.
    """

    _transport: asyncio.Transport

    def __init__(self, connection: "Connection", line: Line) -> None:
        self._connection = connection
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[float, bytes | Mark]] = deque()
        self._queued_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        self.connected = False
        self.ready = False
        self.finished = False
        self.paused = False
        self.gone = False
        self.peer = self

    @property
    def gave_up(self) -> bool:
        """Whether it closed while something that it sent was still on its way."""
        return self._ended and bool(self._queue)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected."""
        self._transport = cast("asyncio.Transport", transport)
        # Bytes wait in the queue, where severing stops them, and not in the transport.
        self._transport.set_write_buffer_limits(high=0)
        self.connected = self.ready = True
        self._connection.joined(self)

    def data_received(self, data: bytes) -> None:
        """Hand bytes on at once if nothing is in their way, else put them on their way."""
        if not (self._line.delay_s or self._queue or self._line.severed) and self.peer.ready:
            self.peer.send(data)
            return
        self._enqueue(data)
        if self._queued_bytes > BUFFER_MAX_BYTES:
            self.paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Pass a half-close on; this socket stays open for the answer."""
        self._ended = True
        if self._line.severed:
            self._connection.lost(self)
        else:
            self._enqueue(Mark.END)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed: by us, or by a reset, which is passed on."""
        del exc
        self._ended = True
        if not self.gone and not self._line.severed:
            self._enqueue(Mark.RESET)
        self._connection.lost(self)

    def pause_writing(self) -> None:
        """The socket takes no more; what follows waits."""
        self.ready = False

    def resume_writing(self) -> None:
        """The socket takes writes again."""
        self.ready = True
        self.peer.pump()

    def send(self, item: bytes | Mark) -> None:
        """Send by this socket, which must be `ready`."""
        match item:
            case bytes():
                self._transport.write(item)
            case Mark.END:
                self._transport.write_eof()
                self.peer.finish()
            case Mark.RESET:
                self.reset()
            case unreachable:
                assert_never(unreachable)

    def pump(self) -> None:
        """Deliver what is due, and come back when the next is."""
        self._cancel_timer()
        now = self._loop.time()
        while self._queue and self.peer.ready and not self._line.severed:
            due, item = self._queue[0]
            if due > now + _TIMER_STEP_S:
                self._timer = self._loop.call_at(due, self.pump)
                return
            self._dequeue()
            self.peer.send(item)

    def finish(self) -> None:
        """This end's half-close has arrived at the other; with both done, close both."""
        self.finished = True
        if self.peer.finished:
            self.close()
            self.peer.close()

    def forget(self) -> None:
        """What is on its way from here never arrives."""
        self._queue.clear()
        self._queued_bytes = 0
        self._cancel_timer()

    def leave(self) -> None:
        """Nothing can arrive here any more."""
        self.gone = True
        self.ready = False
        self.peer.forget()

    def close(self) -> None:
        """Close in order, after what was written."""
        self.leave()
        if self.connected:
            self._transport.close()

    def reset(self) -> None:
        """Close by a reset, at once."""
        if self.connected and not self.gone:
            sock: socket.socket = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
        self.leave()

    def _enqueue(self, item: bytes | Mark) -> None:
        if self.peer.gone:
            return
        due = self._loop.time() + self._line.delay_s
        if self._queue:
            due = max(due, self._queue[-1][0])
        self._queue.append((due, item))
        self._queued_bytes += _size(item)
        if self._timer is None:
            self.pump()

    def _dequeue(self) -> None:
        _, item = self._queue.popleft()
        self._queued_bytes -= _size(item)
        if self.paused and not self.gone and self._queued_bytes <= BUFFER_MAX_BYTES // 2:
            self.paused = False
            self._transport.resume_reading()

    def _cancel_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


class Connection:
    """A caller's socket (`near`), the one opened for it to the target (`far`), and their fate."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._opening: asyncio.Task[None] | None = None
        self._doomed = False
        self.near = End(self, line)
        self.far = End(self, line)
        self.near.peer = self.far
        self.far.peer = self.near

    def joined(self, end: End) -> None:
        """A socket of it is connected."""
        if end is self.far:
            self.near.pump()
        elif not self._line.admit(self):
            self.reset()
        elif not self._line.severed:
            self._open()

    def lost(self, end: End) -> None:
        """A socket of it ended, or its end gave up while the link was severed."""
        end.leave()
        if self._line.severed:
            self._doomed = True
            end.forget()
            end.close()
        if not self.far.connected:
            self._abandon_opening()
        if self.near.gone and self.far.gone:
            self._line.forget(self)

    def sever(self) -> None:
        """The link is severed from now on."""
        for end in (self.near, self.far):
            if end.gave_up:
                self.lost(end)

    def heal(self) -> None:
        """The link passes again."""
        if self._doomed or self.near.paused or self.far.paused:
            # Whether a sender that had to wait is still there cannot be seen: count it as gone.
            self.reset()
        elif self.far.connected or self._opening:
            self.near.pump()
            self.far.pump()
        else:
            self._open()

    def reset(self) -> None:
        """Reset both ends now."""
        for end in (self.near, self.far):
            end.reset()
        self._abandon_opening()
        self._line.forget(self)

    def _open(self) -> None:
        self._opening = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        host, port = self._line.target
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await asyncio.get_running_loop().create_connection(lambda: self.far, host, port)
        except OSError:
            self._refused()

    def _refused(self) -> None:
        """The target does not accept: in life the caller's connect would have failed."""
        if self._line.severed:
            self.lost(self.far)
        else:
            self.reset()

    def _abandon_opening(self) -> None:
        self.far.leave()
        if self._opening:
            self._opening.cancel()


def _size(item: bytes | Mark) -> int:
    return len(item) if isinstance(item, bytes) else 0
