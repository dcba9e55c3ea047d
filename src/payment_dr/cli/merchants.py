"""`payment-dr merchants create|list|disable`: who may take payments here."""

import json
from typing import Annotated, Any

import typer

from payment_dr.cli.administration import (
    AsJson,
    Lab,
    Yes,
    confirm,
    office_of,
    show,
    when,
)
from payment_dr.cli.talk import say
from payment_dr.payments.merchants import Merchant

Name = Annotated[str, typer.Argument(help="The merchant: 1 to 63 of a-z, 0-9 and -.")]


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    merchants = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Create, list and disable merchants; needs the operator's access, never an API key.",
        epilog="Start with: payment-dr merchants create acme",
    )
    merchants.command("create", epilog="Example: payment-dr merchants create acme --lab mine")(
        create
    )
    merchants.command("list", epilog="Example: payment-dr merchants list --json")(every)
    merchants.command("disable", epilog="Example: payment-dr merchants disable acme --yes")(disable)
    app.add_typer(merchants, name="merchants")


def create(name: Name, *, lab: Lab = None, as_json: AsJson = False) -> None:
    """Create a merchant; it has no API keys yet."""
    made = office_of(lab).do(lambda admin: admin.create_merchant(name))
    if as_json:
        show(json.dumps(_document(made), indent=2))
        return
    say(f"created merchant {name}; next: payment-dr keys create {name}")


def every(*, lab: Lab = None, as_json: AsJson = False) -> None:
    """List the merchants, how many keys each has, and whether it is disabled."""
    found = office_of(lab).do(lambda admin: admin.merchants())
    if as_json:
        show(json.dumps([_document(merchant) for merchant in found], indent=2))
        return
    for merchant in found:
        state = "enabled" if merchant.disabled_at is None else "disabled"
        show(f"{merchant.merchant:24} {state:8} {len(merchant.keys):2} keys")


def disable(name: Name, *, lab: Lab = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Revoke every API key of a merchant, for good, at both sites; it can have no more.

    Its payments stay, and so do their ledger and what is under way. May be run again.
    """
    office = office_of(lab)
    confirm(name, f"every API key of {name} is revoked for good", yes=yes)
    gone = office.do(lambda admin: admin.disable_merchant(name))
    if as_json:
        show(json.dumps(_document(gone), indent=2))
        return
    say(f"disabled {name}; {len(gone.keys)} keys are revoked")


def _document(merchant: Merchant) -> dict[str, Any]:
    return {
        "merchant": merchant.merchant,
        "created_at": when(merchant.created_at),
        "disabled_at": when(merchant.disabled_at),
        "keys": list(merchant.keys),
    }
