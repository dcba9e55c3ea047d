"""`payment-dr reconcile`: do provider, payments table and ledger agree; repair what can be."""

import json
from contextlib import ExitStack, closing
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from payment_dr.cli.administration import AsJson, Lab, show
from payment_dr.cli.auditing import audited_at
from payment_dr.cli.talk import say
from payment_dr.cli.writer import active_environment
from payment_dr.functions.composition import JOBS, compose
from payment_dr.functions.reconciliation import (
    audit_of,
    everything,
    recent,
    reconciler_of,
    records_of,
)
from payment_dr.payments.reconciliation_report import Difference, Reconciliation
from payment_dr.recovery.audit import AuditEvent

_HOURS: Final = 48.0
_HOURS_MAX: Final = 24 * 366
_HOUR_S: Final = 3600


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command(
        "reconcile",
        epilog="Examples: payment-dr reconcile --lab mine; payment-dr reconcile --deep --json",
    )(reconcile)


def reconcile(
    *,
    hours: Annotated[
        float, typer.Option(min=0, max=_HOURS_MAX, help="Payments booked in so many last hours.")
    ] = _HOURS,
    deep: Annotated[bool, typer.Option("--deep", help="All payments there are.")] = False,
    repair: Annotated[bool, typer.Option(help="Book what is missing, finish what is open.")] = True,
    lab: Lab = None,
    as_json: AsJson = False,
) -> None:
    """Compare provider, payments table and ledger; list differences, repair what can be.

    May be run at any time, and again. Exit code 1 while differences remain.
    """
    environment = active_environment(lab)
    about = "all payments" if deep else f"payments of the last {hours:g} hours"
    with ExitStack() as undo:
        parts = compose(environment, JOBS)
        undo.callback(parts.close)
        audit = undo.enter_context(closing(audit_of(environment)))
        if deep:
            chunks = everything(records_of(environment), audit.payments(0.0))
        else:
            since = parts.ports.clock.now() - hours * _HOUR_S
            chunks = recent(parts.ports.table, audit.payments(since))
        deed = undo.enter_context(audited_at(environment, "reconcile", about)) if repair else None
        done = reconciler_of(parts, audit).run(chunks, repair=repair)
        if deed is not None:
            repaired = len(done.differences) - len(done.remaining)
            deed.end(AuditEvent.FINISHED, f"{repaired} repaired, {len(done.remaining)} remain")
    if as_json:
        show(json.dumps(document(done), indent=2))
    else:
        for one in done.differences:
            show(line(one))
        say(
            f"{done.payments} payments, {len(done.differences)} differences, "
            f"{len(done.remaining)} remain"
        )
    raise typer.Exit(1 if done.remaining else 0)


def document(done: Reconciliation) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "payments": done.payments,
        "remaining": len(done.remaining),
        "differences": [asdict(one) for one in done.differences],
    }


def line(one: Difference) -> str:
    """A difference for people."""
    state = "repaired" if one.repaired else "remains"
    parts = (state, one.cause, one.subject, one.operation_id or "-", one.detail)
    return "  ".join(part for part in parts if part)
