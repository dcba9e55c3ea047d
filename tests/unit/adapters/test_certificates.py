"""The authorities that connections to a ledger on AWS trust."""

import ssl
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import pytest

from payment_dr.adapters.certificates import AUTHORITIES, tls_parameters
from payment_dr.core.regions import MRSC_REGION_SETS


def names() -> list[str]:
    """Common names of all authorities, each valid in form and self-signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with as_file(AUTHORITIES) as path:
        context.load_verify_locations(path)
    found: list[Any] = context.get_ca_certs()
    subjects = [dict(pair for (pair,) in authority["subject"]) for authority in found]
    return [str(subject["commonName"]) for subject in subjects]


@pytest.mark.parametrize("region", sorted(frozenset().union(*MRSC_REGION_SETS)))
def test_every_region_that_can_hold_a_ledger_has_its_authority(region: str) -> None:
    assert f"Amazon RDS {region} Root CA RSA2048 G1" in names()


def test_the_proxy_is_signed_by_one_of_amazons_own_roots() -> None:
    assert {f"Amazon Root CA {number}" for number in range(1, 5)} <= set(names())


def test_nothing_else_is_trusted() -> None:
    others = [n for n in names() if not n.startswith(("Amazon RDS ", "Amazon Root CA "))]
    assert others == ["Starfield Services Root Certificate Authority - G2"]


def test_certificate_and_host_name_are_verified_wherever_tls_is_on() -> None:
    parameters = tls_parameters(tls=True)
    assert parameters["sslmode"] == "verify-full"
    assert Path(parameters["sslrootcert"]).is_file()
    assert tls_parameters(tls=False) == {"sslmode": "disable"}
