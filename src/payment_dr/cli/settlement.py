"""`payment-dr settlement`: what a merchant is owed for a time, from the ledger alone."""

import json
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from payment_dr.cli.administration import AsJson, Lab, show
from payment_dr.cli.talk import say
from payment_dr.cli.writer import active_environment
from payment_dr.core.errors import PaymentDrError
from payment_dr.functions.reconciliation import audit_of

_DAY: Final = timedelta(days=1)

Merchant = Annotated[str, typer.Option(help="Whose.")]
From = Annotated[str, typer.Option("--from", help="First day, e.g. 2026-01-01, in UTC.")]
To = Annotated[str, typer.Option("--to", help="Last day, included.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command(
        "settlement",
        epilog="Example: payment-dr settlement --merchant acme --from 2026-01-01 --to 2026-01-31",
    )(settlement)


def settlement(
    *, merchant: Merchant, begin: From, end: To, lab: Lab = None, as_json: AsJson = False
) -> None:
    """Report per currency what was captured, refunded, taken as fees, and what is left."""
    first, last = day(begin), day(end) + _DAY
    if last <= first:
        raise PaymentDrError(f"--to {end} is before --from {begin}")
    with closing(audit_of(active_environment(lab))) as audit:
        found = audit.settlement(merchant, first.timestamp(), last.timestamp())
    if as_json:
        body = {
            "merchant": merchant,
            "from": begin,
            "to": end,
            "currencies": [asdict(one) for one in found],
        }
        show(json.dumps(body, indent=2))
        return
    for one in found:
        show(
            f"{one.currency}  captured {one.captured}  refunded {one.refunded}  "
            f"fees {one.fees}  net {one.net}  ({one.entries} entries, minor units)"
        )
    say(f"{merchant}: {len(found)} currencies, {begin} to {end}")


def day(text: str) -> datetime:
    """The beginning of a day in UTC.

    Raises:
        PaymentDrError: it is no date.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise PaymentDrError(f"{text!r} is no day; write e.g. 2026-01-31") from None
