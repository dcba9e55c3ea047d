"""A payment through the deployed API, read back at both sites."""

import time
import uuid

import pytest

from deployment.found import Answer, Deployment
from payment_dr.core.settings import SiteSettings

pytestmark = pytest.mark.deployment

BODY = {"amount": 1250, "currency": "EUR", "capture": True, "payment_method": "pm_card_visa"}
WAIT_S = 60
DECIDED = {201, 402}


def decided(deployed: Deployment, site: SiteSettings, key: str) -> Answer:
    """Pay, and ask again with the same key while the answer says that it may be tried again."""
    deadline = time.monotonic() + WAIT_S
    answer = deployed.call(site, "/v1/payments", BODY, key=key)
    while answer.status not in DECIDED and time.monotonic() < deadline:
        time.sleep(1)
        answer = deployed.call(site, "/v1/payments", BODY, key=key)
    return answer


def test_each_site_is_healthy(deployed: Deployment, site: SiteSettings) -> None:
    assert deployed.call(site, "/health").status == 200


def test_a_payment_is_taken_at_each_site_and_read_at_both(
    deployed: Deployment, site: SiteSettings
) -> None:
    key = f"deployment-test-{uuid.uuid4()}"
    paid = decided(deployed, site, key)
    assert paid.status == 201, paid
    payment_id = paid.body["payment_id"]
    for reader in deployed.sites:
        read = deployed.call(reader, f"/v1/payments/{payment_id}")
        assert read.status == 200, reader.name
        assert (read.body["amount"], read.body["captured"]) == (1250, 1250)
        again = deployed.call(reader, "/v1/payments", BODY, key=key)
        assert (again.status, again.body["payment_id"]) == (201, payment_id)


def test_who_has_no_key_is_not_served(deployed: Deployment, site: SiteSettings) -> None:
    refused = deployed.call(site, f"/v1/payments/{uuid.uuid4()}", api_key="nobody's")
    assert refused.status == 401
