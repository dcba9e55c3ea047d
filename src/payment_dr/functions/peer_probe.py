"""Requests to the peer that nobody waits for."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class PeerProbe:
    """Requests to the peer, one at a time and beside the ticks, which never wait for one."""

    def __init__(self, healthy: Callable[[], bool]) -> None:
        self._healthy = healthy
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="peer-probe")
        self._under_way: Future[bool] | None = None

    def outcome(self) -> bool | None:
        """The outcome of a request that has ended since the last call; begins the next one."""
        outcome = None
        if self._under_way is not None and self._under_way.done():
            outcome = self._under_way.result()
            self._under_way = None
        if self._under_way is None:
            self._under_way = self._thread.submit(self._healthy)
        return outcome
