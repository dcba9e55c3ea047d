"""Lifting `prevent_destroy`, at which the engine refuses to plan a destruction at all.

It guards against a change that nobody meant; a destruction that was asked for and confirmed by name
is meant. The configuration stays as it was synthesized: an override of its own says otherwise, and
every other command removes it before it plans.
"""

import json
from pathlib import Path
from typing import Final

from payment_dr.infra.local import CONFIGURATION
from payment_dr.lint.values import mapping

LIFTED: Final = "zy_destroy_override.tf.json"


def lift(directory: Path) -> tuple[str, ...]:
    """Let a stack be destroyed; returns the addresses that were kept from it."""
    configured = mapping(json.loads((directory / CONFIGURATION).read_bytes()))
    kept = {
        kind: [
            name
            for name, body in mapping(resources).items()
            if mapping(mapping(body).get("lifecycle")).get("prevent_destroy") is True
        ]
        for kind, resources in mapping(configured.get("resource")).items()
    }
    body = {
        kind: {name: {"lifecycle": {"prevent_destroy": False}} for name in names}
        for kind, names in kept.items()
        if names
    }
    if body:
        (directory / LIFTED).write_text(json.dumps({"resource": body}, indent=2) + "\n")
    return tuple(f"{kind}.{name}" for kind, names in kept.items() for name in names)


def restore(directory: Path) -> None:
    """Undo `lift`."""
    (directory / LIFTED).unlink(missing_ok=True)
