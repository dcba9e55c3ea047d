"""`payment-dr webhooks list|replay`: deliveries that wait or were given up."""

import json
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import Annotated, Any, Final

import typer

from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.delivery_queue import ListedDelivery, PostgresDeliveryQueue
from payment_dr.cli.administration import AsJson, Lab, show, when
from payment_dr.cli.auditing import audited_at
from payment_dr.cli.talk import say
from payment_dr.cli.writer import active_environment
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.identifiers import is_uuid
from payment_dr.functions.webhooks import queue_of
from payment_dr.payments.deliveries import DeliveryState
from payment_dr.recovery.audit import AuditEvent

_LIMIT: Final = 100
_LIMIT_MAX: Final = 10_000
_STATES: Final = {"dead": DeliveryState.DEAD, "pending": DeliveryState.PENDING}


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    webhooks = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="List deliveries to webhooks that wait or were given up, and send them again.",
        epilog="Start with: payment-dr webhooks list --state dead",
    )
    webhooks.command("list", epilog="Example: payment-dr webhooks list --state pending --json")(
        listed
    )
    webhooks.command(
        "replay",
        epilog="Examples: payment-dr webhooks replay EVENT_ID; "
        "payment-dr webhooks replay --endpoint we_...; payment-dr webhooks replay --all-dead",
    )(replay)
    app.add_typer(webhooks, name="webhooks")


def listed(
    *,
    state: Annotated[str, typer.Option(help="`dead`: given up; `pending`: still tried.")] = "dead",
    limit: Annotated[
        int, typer.Option(min=1, max=_LIMIT_MAX, help="Show at most so many.")
    ] = _LIMIT,
    lab: Lab = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries that were given up, or that still wait, with what went wrong last."""
    if state not in _STATES:
        raise PaymentDrError(f"there is no state {state!r}; there are {', '.join(_STATES)}")
    with queue_at(lab) as queue:
        found = queue.listed(_STATES[state], limit)
    if as_json:
        show(json.dumps([_document(delivery) for delivery in found], indent=2))
        return
    for one in found:
        show(
            f"{one.event_id} {one.endpoint_id} {one.merchant} {one.type} "
            f"attempts={one.attempts} {one.last_error or ''}".rstrip()
        )
    say(f"{len(found)} {state}")


def replay(
    event_id: Annotated[
        str | None, typer.Argument(help="The event, to every endpoint that it was sent to.")
    ] = None,
    *,
    endpoint: Annotated[
        str | None, typer.Option(help="Every dead letter of this endpoint.")
    ] = None,
    all_dead: Annotated[bool, typer.Option("--all-dead", help="Every dead letter.")] = False,
    lab: Lab = None,
    as_json: AsJson = False,
) -> None:
    """Send deliveries again, from the first attempt on; exit code 1 if there is none to send."""
    act = _act(event_id, endpoint, all_dead=all_dead)
    environment = active_environment(lab)
    about = event_id or endpoint or "every dead letter"
    with (
        audited_at(environment, "webhooks replay", about) as deed,
        closing(queue_of(environment)) as queue,
    ):
        replayed = act(queue, SystemClock().now())
        deed.end(AuditEvent.FINISHED, f"{replayed} deliveries will be sent again")
    if as_json:
        show(json.dumps({"replayed": replayed}))
    else:
        say(f"{replayed} deliveries will be sent again")
    raise typer.Exit(0 if replayed else 1)


@contextmanager
def queue_at(lab: str | None) -> Generator[PostgresDeliveryQueue]:
    """The queue of the active site's ledger."""
    with closing(queue_of(active_environment(lab))) as queue:
        yield queue


def _act(
    event_id: str | None, endpoint: str | None, *, all_dead: bool
) -> Callable[[PostgresDeliveryQueue, float], int]:
    """What was asked for; exactly one of the three must be."""
    if [event_id is not None, endpoint is not None, all_dead].count(True) != 1:
        raise PaymentDrError("give one of EVENT_ID, --endpoint and --all-dead")
    if event_id is not None:
        if not is_uuid(event_id):
            raise PaymentDrError(f"{event_id!r} is no event's id: these are UUIDs in lower case")
        return lambda queue, now: queue.replay_event(event_id, now)
    if endpoint is not None:
        return lambda queue, now: queue.replay_endpoint(endpoint, now)
    return lambda queue, now: queue.replay_dead(now)


def _document(one: ListedDelivery) -> dict[str, Any]:
    return {
        "event_id": one.event_id,
        "endpoint_id": one.endpoint_id,
        "merchant": one.merchant,
        "type": one.type,
        "state": one.state,
        "attempts": one.attempts,
        "next_at": when(one.next_at) if one.state is DeliveryState.PENDING else None,
        "last_status": one.last_status,
        "last_error": one.last_error,
        "updated_at": when(one.updated_at),
    }
