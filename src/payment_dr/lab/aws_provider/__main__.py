"""`python -m payment_dr.lab.aws_provider`: started by Terraform, several times for each command."""

import importlib
import json
import os
import sys
from typing import Final

from payment_dr.lab.aws_provider.behaviour.cloud import Cloud
from payment_dr.lab.aws_provider.provider import SERVICE, Provider
from payment_dr.lab.aws_provider.schema import cache
from payment_dr.lab.aws_provider.schema.answer import Schemas, part_of
from payment_dr.lab.aws_provider.wire.server import serve

ENDPOINTS: Final = "PAYMENT_DR_STAND_IN_ENDPOINTS"
"""Environment variable: JSON of the emulator's URL by region. Without it nothing is made."""

TYPES: Final = "PAYMENT_DR_STAND_IN_TYPES"
"""Environment variable: names of the types that are offered, with commas between; without it all
are. Of resources, data sources and ephemeral resources alike."""

_EMULATOR: Final = "payment_dr.lab.aws_provider.emulated.emulator"


def cloud() -> Cloud | None:
    """The emulator that the environment names, if it does; boto3 is imported only then."""
    endpoints: dict[str, str] = json.loads(os.environ.get(ENDPOINTS, "{}"))
    if not endpoints:
        return None
    made: Cloud = importlib.import_module(_EMULATOR).emulator_at(endpoints)
    return made


def schemas() -> Schemas:
    """All of them, or those that the environment names: an engine reads 1,700 in 0.2 s of CPU."""
    answer, named = cache.answer(), os.environ.get(TYPES, "")
    return Schemas(part_of(answer, frozenset(named.split(","))) if named else answer)


def main() -> int:
    """Serve until Terraform is done; the exit status."""
    return serve(SERVICE, Provider(schemas(), cloud()).methods())


if __name__ == "__main__":
    sys.exit(main())
