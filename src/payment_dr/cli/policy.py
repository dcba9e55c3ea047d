"""`payment-dr policy`: what people may do on AWS who operate it, as a policy of IAM."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from payment_dr.adapters.settings_file import load
from payment_dr.cli.target import SETTINGS_FILE
from payment_dr.core.settings import Settings
from payment_dr.infra.constructs.policies import policy as document_of
from payment_dr.infra.permissions_of_people import PURPOSES, Person, person_statements


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command(
        "policy",
        epilog="Example: payment-dr policy operator --json > operator.json",
    )(policy)


def policy(
    role: Annotated[Person, typer.Argument(help="Whose.")],
    settings: Annotated[
        Path, typer.Option(help="Settings of the environment on AWS.")
    ] = SETTINGS_FILE,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the policy as IAM takes it.")
    ] = False,
) -> None:
    """Print the IAM policy of an observer, an approver or an operator, at both sites.

    It is for `aws iam create-policy`, attached to the role that people take; nothing is deployed.
    """
    found = load(settings)
    sys.stdout.write(_json(role, found) if as_json else _text(role, found))


def _json(role: Person, settings: Settings) -> str:
    document = json.loads(document_of(*person_statements(role, settings)))
    return json.dumps(document, indent=2) + "\n"


def _text(role: Person, settings: Settings) -> str:
    lines = [f"{role}: {PURPOSES[role]}"]
    for one in person_statements(role, settings):
        lines += [f"  {one.sid}: {', '.join(one.actions)}"]
        lines += [f"    on {resource}" for resource in one.resources]
    return "\n".join(lines) + "\n"
