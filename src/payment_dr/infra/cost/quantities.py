"""What the stacks of given settings hold, as synthesized."""

import json
from pathlib import Path

from payment_dr.core.settings import Settings
from payment_dr.infra.app import synthesize
from payment_dr.infra.cost.estimate import Stacks
from payment_dr.infra.package import in_form_only


def synthesized(settings: Settings, scratch: Path) -> Stacks:
    """Resources of every stack by type and id.

    Args:
        settings: what to synthesize.
        scratch: an empty directory, filled with the output.
    """
    # A month costs the same whatever the functions do: their code need not be built for it.
    package = in_form_only(scratch / "functions.zip", "no code: only quantities are asked for")
    names = synthesize(settings, scratch / "out", package)
    stacks = scratch / "out" / "stacks"
    return {
        name: json.loads((stacks / name / "cdk.tf.json").read_text())["resource"] for name in names
    }
