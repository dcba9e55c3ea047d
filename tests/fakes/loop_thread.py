"""An event loop in a thread, for servers of the lab that tests call by sockets."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

from payment_dr.lab.http_server import HttpServer

T = TypeVar("T")

TIMEOUT_S = 20


class LoopThread:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._servers: list[HttpServer] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT_S)
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(TIMEOUT_S)

    def open(self, *servers: HttpServer) -> None:
        for server in servers:
            self._servers.append(server)
            self.run(server.open())

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a plain function on the loop."""

        async def run() -> T:
            return function(*arguments)

        return self.run(run())

    async def _end(self) -> None:
        for server in self._servers:
            server.refuse()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.shutdown_default_executor()
        await asyncio.sleep(0)
