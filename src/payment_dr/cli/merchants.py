"""`payment-dr merchants create|list|disable`: who may take payments here."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from payment_dr.cli import options
from payment_dr.cli.administration import Confirmed, Showing, confirm, office_of, show, when
from payment_dr.cli.talk import say
from payment_dr.payments.merchants import Merchant

Name = Annotated[str, typer.Argument(help="The merchant: 1 to 63 of a-z, 0-9 and -.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Creating(Showing):
    """Options of a new merchant."""

    name: Name


@dataclass(frozen=True, kw_only=True, slots=True)
class Disabling(Confirmed):
    """Options of a merchant's end."""

    name: Name


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    merchants = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Create, list and disable merchants; needs the operator's access, never an API key.",
        epilog="Start with: payment-dr merchants create acme",
    )
    example = "Example: payment-dr merchants create acme --lab mine"
    options.add(merchants, "create", Creating, create, epilog=example)
    example = "Example: payment-dr merchants list --target aws --json"
    options.add(merchants, "list", Showing, every, epilog=example)
    example = "Example: payment-dr merchants disable acme --yes"
    options.add(merchants, "disable", Disabling, disable, epilog=example)
    app.add_typer(merchants, name="merchants")


def create(given: Creating) -> None:
    """Create a merchant; it has no API keys yet."""
    name = given.name
    made = office_of(given).change(
        "merchants create",
        f"merchant {name}",
        lambda admin: admin.create_merchant(name),
        lambda merchant: f"created {merchant.merchant}",
    )
    if given.as_json:
        show(json.dumps(_document(made), indent=2))
        return
    say(f"created merchant {name}; next: payment-dr keys create {name}")


def every(given: Showing) -> None:
    """List the merchants, how many keys each has, and whether it is disabled."""
    found = office_of(given).do(lambda admin: admin.merchants())
    if given.as_json:
        show(json.dumps([_document(merchant) for merchant in found], indent=2))
        return
    for merchant in found:
        state = "enabled" if merchant.disabled_at is None else "disabled"
        show(f"{merchant.merchant:24} {state:8} {len(merchant.keys):2} keys")


def disable(given: Disabling) -> None:
    """Revoke every API key of a merchant, for good, at both sites; it can have no more.

    Its payments stay, and so do their ledger and what is under way. May be run again.
    """
    office, name = office_of(given), given.name
    confirm(name, f"every API key of {name} is revoked for good", yes=given.yes)
    gone = office.change(
        "merchants disable",
        f"merchant {name}",
        lambda admin: admin.disable_merchant(name),
        lambda merchant: f"revoked {len(merchant.keys)} keys",
    )
    if given.as_json:
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
