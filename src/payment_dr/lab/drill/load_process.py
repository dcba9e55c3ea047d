"""The load as a process of the lab."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.processes import ManagedProcess
from payment_dr.lab.scenario import Scenario
from payment_dr.lab.supervisor import Lab

_POLL_S: Final = 0.05
_GRACE_S: Final = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadProcess:
    """Clients at work."""

    process: ManagedProcess

    @classmethod
    def start(cls, lab: Lab, scenario: Scenario, *, seed: int, history: Path) -> Self:
        """Start the clients; they write `history` as they go."""
        plan = lab.directory / "load.json"
        keys = {m: key for m, key in lab.merchant_keys.items() if m != "canary"}
        text = json.dumps(
            {
                **scenario.load.model_dump(),
                "seed": seed,
                "keys": keys,
                "settle_s": scenario.settle_s,
            }
        )
        with os.fdopen(os.open(plan, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(text)
        process = lab.start_module(
            "load", "payment_dr.lab.load", "--plan", plan, "--history", history.resolve()
        )
        return cls(process=process)

    def wait(self, seconds: float) -> None:
        """Sleep, and notice when the clients have died.

        Raises:
            PaymentDrError: they have; with their last words.
        """
        deadline = time.monotonic() + seconds
        while True:
            if not self.process.alive:
                raise PaymentDrError(
                    f"the load ended with status {self.process.popen.returncode}:\n"
                    f"{self.process.last_words()}"
                )
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _POLL_S))

    def stop(self, settle_s: float) -> None:
        """No new requests; wait until the clients know the outcome of all, or give up.

        Raises:
            PaymentDrError: they did not end in time, or failed.
        """
        self.process.ask_to_end()
        self.process.wait_or_kill(settle_s + _GRACE_S)
        if self.process.popen.returncode:
            raise PaymentDrError(
                f"the load ended with status {self.process.popen.returncode}:\n"
                f"{self.process.last_words()}"
            )
