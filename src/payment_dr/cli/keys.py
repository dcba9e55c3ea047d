"""`payment-dr keys create|list|rotate|revoke`: a merchant's API keys. A key is shown once."""

import json
from typing import Annotated

import typer

from payment_dr.cli.administration import (
    AsJson,
    Lab,
    Yes,
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


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    keys = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Create, list, rotate and revoke API keys; needs the operator's access.",
        epilog="Start with: payment-dr keys create acme",
    )
    example = "Example: payment-dr keys create acme --scope payments:read --lab mine"
    keys.command("create", epilog=example)(create)
    keys.command("list", epilog="Example: payment-dr keys list acme --json")(every)
    keys.command(
        "rotate", epilog="Example: payment-dr keys rotate k2vd3mkyqpzt7c4a --overlap-s 3600"
    )(rotate)
    keys.command("revoke", epilog="Example: payment-dr keys revoke k2vd3mkyqpzt7c4a --yes")(revoke)
    app.add_typer(keys, name="keys")


def create(
    merchant: Merchant, *, scope: Scopes = None, lab: Lab = None, as_json: AsJson = False
) -> None:
    """Create an API key and print it: it is shown this once and kept nowhere."""
    office = office_of(lab)
    scopes = frozenset(scope or ALL_SCOPES)
    mode = office.settings.payments.mode
    _shown(office.do(lambda admin: admin.create_key(merchant, mode, scopes)), as_json=as_json)


def every(merchant: Merchant, *, lab: Lab = None, as_json: AsJson = False) -> None:
    """List a merchant's keys that were not revoked: ids, scopes, and until when they work."""
    found = office_of(lab).do(lambda admin: admin.keys(merchant))
    if as_json:
        show(json.dumps([key_document(key) for key in found], indent=2))
        return
    for key in found:
        until = when(key.expires_at) or "no end"
        show(f"{key.key_id} {key.mode:4} until {until:25} {' '.join(sorted(key.scopes))}")


def rotate(
    key_id: KeyId,
    *,
    overlap_s: Overlap = 24 * 3600,
    lab: Lab = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Create a key that may do the same, print it, and let the old one end after the overlap."""
    office = office_of(lab)
    if not overlap_s:
        confirm(key_id, f"key {key_id} stops working at once", yes=yes)
    made = office.do(lambda admin: admin.rotate_key(key_id, overlap_s))
    _shown(made, as_json=as_json)
    say(f"key {key_id} works for {overlap_s:g} more seconds")


def revoke(key_id: KeyId, *, lab: Lab = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """End a key at both sites, for good; requests with it are refused within a second."""
    office = office_of(lab)
    confirm(key_id, f"key {key_id} stops working at once", yes=yes)
    gone = office.do(lambda admin: admin.revoke_key(key_id))
    if as_json:
        show(json.dumps(key_document(gone), indent=2))
        return
    say(f"revoked {key_id} of {gone.merchant}")


def _shown(made: MadeKey, *, as_json: bool) -> None:
    """The only time that a key is to be seen."""
    if as_json:
        show(json.dumps({**key_document(made.key), "key": made.text}, indent=2))
    else:
        show(made.text)
    say("keep the key now: it is shown this once and stored nowhere")
