"""What every negative control needs: the real parts with some of them exchanged, and a thread."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from payment_dr.core.errors import UnavailableError
from payment_dr.functions.composition import Composition
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.service import PaymentService, Ports

_LOG: Final = logging.getLogger(__name__)


def with_ports(parts: Composition, ports: Ports, *, owner: str) -> Composition:
    """The same process with another view of the world."""
    environment = parts.environment
    service = PaymentService(
        ports,
        site=environment.site,
        owner=f"{environment.site}/{owner}",
        limits=environment.settings.payments,
        breaker=CircuitBreaker(),
    )
    return replace(parts, ports=ports, service=service)


class Once:
    """Builds the parts at the first call, whichever thread makes it."""

    def __init__(self, build: Callable[[], Composition]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._parts: Composition | None = None

    def __call__(self) -> Composition:
        """The parts, the same ones for every call."""
        with self._lock:
            if self._parts is None:
                self._parts = self._build()
            return self._parts


def repeat(name: str, act: Callable[[], object], *, every_s: float) -> threading.Event:
    """Do it again and again on a thread of its own until the event is set or the process ends."""
    ending = threading.Event()

    def run() -> None:
        while not ending.wait(every_s):
            try:
                act()
            except UnavailableError as error:
                _LOG.info(name, extra={"fields": {"unavailable": error.what}})

    threading.Thread(target=run, name=name, daemon=True).start()
    return ending
