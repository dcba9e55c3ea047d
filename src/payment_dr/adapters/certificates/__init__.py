"""How connections to a ledger on AWS know that they reach it: the authorities they trust.

`rds.pem` holds the RDS authorities (RSA 2048, G1) of every region that a payments table may span,
and those that sign for RDS Proxy. docs/decisions/0008 says where they are from.
"""

from importlib.resources import files
from typing import Final

AUTHORITIES: Final = files(__name__) / "rds.pem"


def tls_parameters(*, tls: bool) -> dict[str, str]:
    """Connection parameters: the certificate and the host name are verified, or TLS is off.

    Args:
        tls: False only in the lab, where the ledger listens on a loopback address.
    """
    if not tls:
        return {"sslmode": "disable"}
    return {"sslmode": "verify-full", "sslrootcert": str(AUTHORITIES)}
