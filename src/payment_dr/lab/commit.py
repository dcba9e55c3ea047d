"""Which version of the code a figure belongs to."""

import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

_TIMEOUT_S: Final = 5.0
_HERE: Final = Path(__file__).parent


def commit_of_code(directory: Path = _HERE) -> str:
    """The commit of the checkout, `-dirty` if it was changed; outside a checkout the version."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return f"version {version('payment-dr')}"
    return answer.stdout.strip()
