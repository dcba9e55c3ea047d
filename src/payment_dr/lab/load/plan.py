"""The plan of a load, a JSON file. It holds API keys, so only its owner may read it."""

import stat
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import Seconds
from payment_dr.lab.scenario import LoadShape


class Plan(LoadShape):
    """What clients do, as which merchants, and how patiently.

    `keys` are API keys by merchant. Payments arrive at random (a Poisson process of `rate_per_s`,
    drawn from `seed`), whether or not earlier ones were answered. An attempt is given up after
    `timeout_s`; an operation after `attempts_max` attempts, with exponential pauses between them
    of `backoff_s` to `backoff_max_s`, or what the service's Retry-After says. `clients` are hosts
    with a DNS cache and connections of their own. `declines` of the payments have a card that is
    declined. Above `in_flight_max` operations at once, arrivals are recorded as not sent.
    Arrivals end at SIGTERM, or after `duration_s`; then, for at most `settle_s`, what is open is
    finished and what ended unknown is asked again; at last `sample_max` of the acknowledged
    payments are sent again and read.
    """

    seed: int
    keys: Annotated[dict[str, str], Field(min_length=1)]
    settle_s: Seconds
    declines: Annotated[float, Field(ge=0, le=1)] = 0.02
    duration_s: Seconds | None = None
    timeout_s: Seconds = 2
    attempts_max: Annotated[int, Field(ge=1, le=100)] = 8
    backoff_s: Seconds = 0.1
    backoff_max_s: Seconds = 2
    clients: Annotated[int, Field(ge=1, le=64)] = 4
    in_flight_max: Annotated[int, Field(ge=1, le=10_000)] = 2_000
    sample_max: Annotated[int, Field(ge=0, le=10_000)] = 200


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        PaymentDrError: others may read it, it cannot be read, or it has values that cannot be used.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise PaymentDrError(
                f"plan {path} holds API keys and has mode {mode:04o}", remedy=f"chmod 600 {path}"
            )
        return Plan.model_validate_json(path.read_bytes())
    except OSError as error:
        raise PaymentDrError(f"plan {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in e['loc']) or 'plan'}: {e['msg']}"
            for e in error.errors(include_input=False, include_url=False)
        )
        raise PaymentDrError(f"plan {path} cannot be used: {problems}") from error
