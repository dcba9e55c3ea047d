"""A merchant's webhook endpoint on loopback: verifies what it gets, and misbehaves on demand."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum, unique
from http import HTTPStatus
from typing import Final, Self

from payment_dr.client.errors import WebhookError
from payment_dr.client.webhooks import Event, event_of
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.http_server import HttpServer, Request, Response

_START_S: Final = 5.0
_TURNS_MAX: Final = 100


@unique
class Manner(StrEnum):
    """How the receiver treats a webhook."""

    ACCEPT = "accept"
    FAIL = "fail"
    HANG = "hang"
    REDIRECT = "redirect"


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """A webhook that came, and when (Unix seconds); `event` is None if its signature was wrong."""

    event: Event | None
    event_id: str
    at: float


class WebhookReceiver:
    """Listens on a loopback port in a thread of its own, as a context manager.

    Args:
        port: where.
        secrets: asked for each webhook: those that its endpoint may be signed with now.
    """

    def __init__(self, port: int, secrets: Callable[[], tuple[str, ...]]) -> None:
        self._manner = Manner.ACCEPT
        self.received: list[Received] = []
        self.url = f"http://{LOOPBACK}:{port}/webhooks"
        self._secrets = secrets
        self._server = HttpServer(port, self._serve)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.open(), self._loop).result(_START_S)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_START_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_S)
        self._loop.close()

    @property
    def accepted(self) -> dict[str, Event]:
        """Events whose signatures were right, by id."""
        return {one.event_id: one.event for one in self.received if one.event is not None}

    def behave(self, manner: Manner) -> None:
        """Treat webhooks in this manner from now on."""
        self._manner = manner

    async def _end(self) -> None:
        self._server.refuse()
        for _ in range(_TURNS_MAX):  # until the loop has told each connection that it is gone
            if not self._server.connections:
                break
            await asyncio.sleep(0)

    async def _serve(self, request: Request) -> Response | None:
        event: Event | None = None
        with suppress(WebhookError):
            event = event_of(request.headers, request.body, self._secrets())
        event_id = json.loads(request.body)["event_id"]
        self.received.append(Received(event=event, event_id=event_id, at=time.time()))
        match self._manner:
            case Manner.HANG:
                return None
            case Manner.REDIRECT:
                headers = {"location": f"{self.url}/elsewhere"}
                return Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)
            case Manner.FAIL:
                return Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
            case _:
                is_good = event is not None
                return Response(status=HTTPStatus.OK if is_good else HTTPStatus.BAD_REQUEST)
