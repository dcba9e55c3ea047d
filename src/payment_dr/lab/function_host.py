"""Serves one site's HTTP API: each request becomes the event that the real Lambda handler gets.

Handlers are synchronous and run in threads. At most `--threads` run at once and `--queue` more
wait; beyond that the answer is 503 at once, as API Gateway's when Lambda throttles. A handler
that takes longer than it may, or than API Gateway waits (30 s), goes on, but its client gets 503.
"""

import argparse
import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import uvicorn

from payment_dr.lab.addresses import Addresses
from payment_dr.lab.alarms.meter import FLUSH_S, Call, Meter, api_id
from payment_dr.lab.directory import read_settings
from payment_dr.lab.gateway_event import HttpResponse, event_of, gateway_error, response_of
from payment_dr.lab.lambda_call import Handler, LambdaContext, guarded, load_handler

TIMEOUT_S: Final = 30.0
BODY_BYTES_MAX: Final = 1024 * 1024
THREADS: Final = 32
QUEUE: Final = 64

_Message = Mapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]


class FunctionHost:
    """ASGI application around one handler; `meter` is told each call and answer."""

    def __init__(  # noqa: PLR0913 - all have defaults but the handler and its name
        self,
        handler: Handler,
        *,
        name: str,
        threads: int = THREADS,
        queue: int = QUEUE,
        timeout_s: float = TIMEOUT_S,
        meter: Meter | None = None,
    ) -> None:
        self._handler = handler
        self._name = name
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="handler")
        self._room = threads + queue
        self._timeout_s = timeout_s
        self._meter = meter
        self._flush: asyncio.TimerHandle | None = None

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Serve one request."""
        begun = time.monotonic()
        body = await _body(receive)
        if body is None:
            response = gateway_error(413, "Request Entity Too Large")
        else:
            response = await self._respond(scope, body)
        headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in response.headers]
        headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
        if self._meter is not None:
            self._meter.answered(response.status, (time.monotonic() - begun) * 1000)
            self._flush_soon(self._meter)

    def _flush_soon(self, meter: Meter) -> None:
        """Write a second's measurements, once for all calls of that second."""
        if self._flush is None:

            def flush() -> None:
                self._flush = None
                meter.flush()

            self._flush = asyncio.get_running_loop().call_later(FLUSH_S, flush)

    def _called(self, begun: float, *, failed: bool = False, throttled: bool = False) -> None:
        if self._meter is not None:
            duration_ms = (time.monotonic() - begun) * 1000
            self._meter.called(Call(duration_ms=duration_ms, failed=failed, throttled=throttled))

    async def _respond(self, scope: _Message, body: bytes) -> HttpResponse:
        begun = time.monotonic()
        if self._room == 0:
            self._called(begun, throttled=True)
            return gateway_error(503, "Service Unavailable")
        self._room -= 1
        request_id = str(uuid.uuid4())
        event = event_of(scope, body, request_id=request_id, now=time.time())
        context = LambdaContext(
            function_name=self._name,
            aws_request_id=request_id,
            deadline=time.monotonic() + self._timeout_s,
        )

        def work() -> HttpResponse | None:
            return guarded(
                lambda: response_of(self._handler(event, context)),
                name=self._name,
                request_id=request_id,
            )

        loop = asyncio.get_running_loop()
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._leave(loop))
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await asyncio.shield(asyncio.wrap_future(future))
        except TimeoutError:
            self._called(begun, failed=True)
            return gateway_error(503, "Service Unavailable")
        self._called(begun, failed=response is None)
        return response or gateway_error(500, "Internal Server Error")

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        # A handler may end after the loop has closed, when the host is being stopped.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._make_room)

    def _make_room(self) -> None:
        self._room += 1


async def _body(receive: _Receive) -> bytes | None:
    """The whole body; None when it is larger than allowed."""
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > BODY_BYTES_MAX:
            return None
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--site", required=True)
    parser.add_argument("--handler", required=True, metavar="MODULE:NAME")
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--queue", type=int, default=QUEUE)
    parser.add_argument("--timeout-s", type=float, default=TIMEOUT_S)
    given = parser.parse_args(arguments)
    host, port = Addresses.read(given.directory).api_target[given.site]
    settings = read_settings(given.directory)
    application = FunctionHost(
        load_handler(given.handler),
        name=given.handler,
        threads=given.threads,
        queue=given.queue,
        timeout_s=min(given.timeout_s, TIMEOUT_S),
        meter=Meter(settings.resource("api", given.site), api_id(settings, given.site), time.time),
    )
    uvicorn.run(
        application,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
