"""`payment-dr keys create|list|rotate|revoke`: a merchant's API keys. A key is shown once."""

import json
from dataclasses import dataclass
from typing import Annotated

import typer

from payment_dr.cli import options
from payment_dr.cli.administration import (
    Confirmed,
    Showing,
    confirm,
    key_document,
    office_of,
    show,
    when,
)
from payment_dr.cli.talk import say
from payment_dr.payments.merchant_admin import MadeKey
from payment_dr.payments.merchants import ALL_SCOPES, Scope

Merchant = Annotated[str, typer.Argument(help="The merchant.")]
KeyId = Annotated[str, typer.Argument(help="The key's id, as list shows it; it is no secret.")]
Scopes = Annotated[
    list[Scope] | None,
    typer.Option("--scope", help="What the key may do; repeat it. Everything by default."),
]
Overlap = Annotated[
    float, typer.Option(help="Seconds for which the old key still works; 0 ends it at once.")
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing(Showing):
    """Options of a list."""

    merchant: Merchant


@dataclass(frozen=True, kw_only=True, slots=True)
class Creating(Showing):
    """Options of a new key."""

    merchant: Merchant
    scope: Scopes = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Revoking(Confirmed):
    """Options of a key's end."""

    key_id: KeyId


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotating(Confirmed):
    """Options of a key's successor."""

    key_id: KeyId
    overlap_s: Overlap = 24 * 3600


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    keys = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Create, list, rotate and revoke API keys; needs the operator's access.",
        epilog="Start with: payment-dr keys create acme",
    )
    example = "Example: payment-dr keys create acme --scope payments:read --lab mine"
    options.add(keys, "create", Creating, create, epilog=example)
    example = "Example: payment-dr keys list acme --target aws --json"
    options.add(keys, "list", Listing, every, epilog=example)
    example = "Example: payment-dr keys rotate k2vd3mkyqpzt7c4a --overlap-s 3600"
    options.add(keys, "rotate", Rotating, rotate, epilog=example)
    example = "Example: payment-dr keys revoke k2vd3mkyqpzt7c4a --yes"
    options.add(keys, "revoke", Revoking, revoke, epilog=example)
    app.add_typer(keys, name="keys")


def create(given: Creating) -> None:
    """Create an API key and print it: it is shown this once and kept nowhere."""
    office, merchant = office_of(given), given.merchant
    scopes = frozenset(given.scope or ALL_SCOPES)
    mode = office.settings.payments.mode
    made = office.change(
        "keys create",
        f"merchant {merchant}",
        lambda admin: admin.create_key(merchant, mode, scopes),
        _told,
    )
    _shown(made, as_json=given.as_json)


def every(given: Listing) -> None:
    """List a merchant's keys that were not revoked: ids, scopes, and until when they work."""
    found = office_of(given).do(lambda admin: admin.keys(given.merchant))
    if given.as_json:
        show(json.dumps([key_document(key) for key in found], indent=2))
        return
    for key in found:
        until = when(key.expires_at) or "no end"
        show(f"{key.key_id} {key.mode:4} until {until:25} {' '.join(sorted(key.scopes))}")


def rotate(given: Rotating) -> None:
    """Create a key that may do the same, print it, and let the old one end after the overlap."""
    office, key_id, overlap_s = office_of(given), given.key_id, given.overlap_s
    if not overlap_s:
        confirm(key_id, f"key {key_id} stops working at once", yes=given.yes)
    made = office.change(
        "keys rotate",
        f"key {key_id}, which works for {overlap_s:g} more seconds",
        lambda admin: admin.rotate_key(key_id, overlap_s),
        _told,
    )
    _shown(made, as_json=given.as_json)
    say(f"key {key_id} works for {overlap_s:g} more seconds")


def revoke(given: Revoking) -> None:
    """End a key at both sites, for good; requests with it are refused within a second."""
    office, key_id = office_of(given), given.key_id
    confirm(key_id, f"key {key_id} stops working at once", yes=given.yes)
    gone = office.change(
        "keys revoke",
        f"key {key_id}",
        lambda admin: admin.revoke_key(key_id),
        lambda key: f"revoked, of {key.merchant}",
    )
    if given.as_json:
        show(json.dumps(key_document(gone), indent=2))
        return
    say(f"revoked {key_id} of {gone.merchant}")


def _told(made: MadeKey) -> str:
    """Of a new key what is no secret, for the audit log."""
    key = made.key
    return f"key {key.key_id} of {key.merchant} for {', '.join(sorted(key.scopes))}"


def _shown(made: MadeKey, *, as_json: bool) -> None:
    """The only time that a key is to be seen."""
    if as_json:
        show(json.dumps({**key_document(made.key), "key": made.text}, indent=2))
    else:
        show(made.text)
    say("keep the key now: it is shown this once and stored nowhere")
