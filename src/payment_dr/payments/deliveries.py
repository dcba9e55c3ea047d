"""Deliveries of events to webhooks: what is known of each, and the ports that a deliverer needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, Protocol

from payment_dr.payments.webhooks import WebhookEndpoint

ERROR_CHARS_MAX: Final = 200
"""Of a delivery's last error; the ledger takes no longer one."""


@unique
class DeliveryState(StrEnum):
    """Where a delivery stands; a dead one is sent again only when somebody asks for it."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unplanned:
    """An event whose deliveries are not planned yet."""

    event_id: str
    merchant: str
    type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A delivery to make."""

    event_id: str
    endpoint_id: str
    merchant: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Leased:
    """A delivery that is ours for a while; `attempt` counts this one, from 1."""

    event_id: str
    endpoint_id: str
    merchant: str
    attempt: int
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What became of a leased delivery.

    `next_at` (Unix seconds) is meant for PENDING. Not `counted` is an attempt that was not begun.
    """

    event_id: str
    endpoint_id: str
    attempt: int
    state: DeliveryState
    next_at: float
    status: int | None = None
    error: str | None = None
    counted: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """Dead letters, and since when the oldest that should have been sent by now waits."""

    dead: int
    due_since: float | None


class DeliveryQueue(Protocol):
    """Events and their deliveries in the ledger. Every method may raise `UnavailableError`."""

    def unplanned(self, limit: int) -> Sequence[Unplanned]:
        """Some events that are not planned."""
        ...

    def plan(self, events: Sequence[Unplanned], deliveries: Sequence[Planned], now: float) -> None:
        """Replace the events by their deliveries, those aside that somebody else has planned."""
        ...

    def lease(
        self, now: float, *, until: float, limit: int, passing_over: Sequence[str]
    ) -> Sequence[Leased]:
        """Take due deliveries, longest due first, none of the endpoints passed over.

        Each has its attempt counted and is due again at `until`.
        """
        ...

    def record(self, results: Sequence[Result], now: float) -> None:
        """Write what became of them; nothing over what a later attempt has written."""
        ...

    def backlog(self, now: float) -> Backlog:
        """What waits and what is given up."""
        ...

    def purge(self, before: float, limit: int) -> int:
        """Remove some of what was delivered before then, oldest first; how many these are.

        What is pending or dead stays. An event is not planned again by it.
        """
        ...


Endpoints = Callable[[str], Sequence[WebhookEndpoint]]
"""The endpoints of a merchant, disabled ones too; may raise `UnavailableError`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """The endpoint answered with that status."""

    status: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NoAnswer:
    """It may not be asked, was not reached, or did not answer in time."""

    reason: str


class Sender(Protocol):
    """Posts a body to an endpoint, within a bounded time."""

    def send(self, url: str, body: bytes, headers: dict[str, str]) -> Answered | NoAnswer:
        """One request; a redirect is an answer like any other."""
        ...
