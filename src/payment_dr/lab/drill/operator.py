"""Planned moves as an operator makes them: by the command line, in a process of its own."""

import subprocess
import sys
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.stamp import SiteName
from payment_dr.lab.processes import base_environment
from payment_dr.lab.supervisor import Lab

_WORDS_MAX: Final = 2000


def move_by_command_line(lab: Lab, kind: str, site: SiteName, *, within_s: float) -> None:
    """Run `payment-dr switchover|failback` against the lab.

    Raises:
        PaymentDrError: the command failed or took longer; with what it said.
    """
    target = ["--to", site] if kind == "switchover" else []
    command = [sys.executable, "-m", "payment_dr", kind, "--lab", str(lab.directory), *target]
    try:
        done = subprocess.run(
            [*command, "--yes", "--reason", "drill", "--json"],
            env=base_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PaymentDrError(f"{kind} to {site} was not done within {within_s:g} s") from error
    if done.returncode:
        said = f"{done.stdout}{done.stderr}"[-_WORDS_MAX:]
        raise PaymentDrError(f"{kind} to {site} ended with status {done.returncode}:\n{said}")
