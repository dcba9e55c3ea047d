"""Settings of a deployment: names and numbers that AWS would refuse late."""

import pytest
from pydantic import ValidationError

from payment_dr.core.deployment_settings import DeploymentSettings
from payment_dr.core.settings import DnsSettings


@pytest.mark.parametrize("zone", ["payments", "pay_ments.example", "-a.example"])
def test_a_zone_that_is_no_domain_name_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError, match="is no domain name"):
        DnsSettings(zone=zone, name=f"api.{zone}")


def test_a_name_outside_its_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="must lie in the zone"):
        DnsSettings(zone="payments.example", name="api.other.example")


@pytest.mark.parametrize("account", ["", "12345678901", "12345678901x", "1234567890123"])
def test_an_account_that_is_not_twelve_digits_is_refused(account: str) -> None:
    with pytest.raises(ValidationError, match="12 digits"):
        DeploymentSettings(account_id=account)
