"""`payment-dr synth`: the stacks as the engine reads them, from settings that AWS can have."""

import json
import sys

import typer

from payment_dr.adapters.settings_file import load
from payment_dr.cli.stacks import SETTINGS, AsJson, Out, SettingsFile, say_unless_compiled
from payment_dr.infra.synthesis import OUT, Synthesis, synthesize

_MEGABYTE = 1e6


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("synth", epilog="Example: payment-dr synth --settings prod.toml")(synth)


def synth(*, settings: SettingsFile = SETTINGS, out: Out = OUT, as_json: AsJson = False) -> None:
    """Check the settings against AWS's limits, build the package, and write the stacks.

    Needs neither AWS nor an engine. Exit code 2 when AWS could not have these settings.
    """
    made = synthesize(load(settings), out)
    say_unless_compiled(made.package)
    sys.stdout.write(_json(made) if as_json else _text(made))


def _text(made: Synthesis) -> str:
    width = max(len(stack.name) for stack in made.stacks)
    lines = [
        f"{stack.name:{width}}  {made.resources[stack.name]:4} resources  {stack.directory}"
        for stack in made.stacks
    ]
    package = made.package
    lines.append(
        f"{'package':{width}}  {package.size_bytes / _MEGABYTE:.1f} MB, sha256 {package.sha256}"
    )
    return "\n".join(lines) + "\n"


def _json(made: Synthesis) -> str:
    document = {
        "out": str(made.out),
        "stacks": [
            {
                "name": stack.name,
                "resources": made.resources[stack.name],
                "directory": str(stack.directory),
            }
            for stack in made.stacks
        ],
        "package": {"sha256": made.package.sha256, "size_bytes": made.package.size_bytes},
    }
    return json.dumps(document, indent=2) + "\n"
