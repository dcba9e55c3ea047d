"""Outputs of all stacks in one flat file, which the tests of a deployment read."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from payment_dr.infra.engine_stack import Output

FILE: Final = Path("cfn-outputs") / "flat-outputs.json"
"""Under the directory where the command runs."""


def flat(stacks: Mapping[str, Mapping[str, Output]]) -> dict[str, Any]:
    """`<Stack><Thing>`: value, e.g. `EastApiUrl`; sensitive ones are left out."""
    return {
        flat_name(stack, name): output.value
        for stack, outputs in stacks.items()
        for name, output in sorted(outputs.items())
        if not output.sensitive
    }


def flat_name(stack: str, name: str) -> str:
    """How an output of a stack is called among those of all, e.g. `EastApiUrl`."""
    return "".join(part.capitalize() for part in stack.split("-")) + name


def write(values: Mapping[str, Any], target: Path) -> None:
    """Write the file in one step: readers find the old one or the whole new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text(values).encode())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def text(values: Mapping[str, Any]) -> str:
    """The file's content."""
    return msgspec.json.format(msgspec.json.encode(values), indent=2).decode() + "\n"
