"""The usual design in a whole lab: what it does well, and what dies with a site."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from psycopg.errors import UndefinedTable

from payment_dr.adapters.settings_file import example
from payment_dr.core.settings import LabSettings, ProbeSettings, Settings
from payment_dr.lab.ledger_first import payments
from payment_dr.lab.ledger_first.truth import UsualTruth
from payment_dr.lab.supervisor import Lab
from payment_dr.payments.record import PaymentState, Record

pytestmark = pytest.mark.lab

SETTINGS: Settings = example("development").model_copy(
    update={
        "probes": ProbeSettings(interval_s=0.3, threshold=3),
        "lab": LabSettings(replication_delay_ms=300, majority_delay_ms=0, provider_delay_ms=0),
    }
)
API = "payment_dr.lab.ledger_first.api:handler"
SCHEDULES = {
    "payment_dr.lab.ledger_first.watcher:handler": 0.1,
    "payment_dr.lab.ledger_first.sweeper:handler": 0.5,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]


class Client:
    """Talks to each site by its own address."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._key = next(iter(lab.merchant_keys.values()))

    def send(
        self, site: str, method: str, path: str, key: str = "", body: dict[str, Any] | None = None
    ) -> Answer:
        address = self._lab.addresses.link_address[site]
        connection = http.client.HTTPConnection(address, self._lab.addresses.api_port, timeout=5)
        headers = {"authorization": f"Bearer {self._key}", "idempotency-key": key}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            return Answer(
                status=response.status,
                body=json.loads(response.read()),
                headers={name.lower(): value for name, value in response.getheaders()},
            )
        finally:
            connection.close()

    def pay(self, site: str, key: str) -> Answer:
        return self.send(site, "POST", "/v1/payments", key, {"amount": 1250, "currency": "EUR"})

    def refund(self, site: str, payment_id: str, key: str, amount: int) -> Answer:
        path = f"/v1/payments/{payment_id}/refunds"
        return self.send(site, "POST", path, key, {"amount": amount})


@pytest.fixture(name="lab")
def running_lab() -> Iterator[Lab]:
    with Lab(SETTINGS, api_handler=API, schedules=SCHEDULES) as lab:
        with lab.connect("east") as connection:
            payments.migrate(connection)
        yield lab


def until_created(client: Client, site: str, key: str) -> Answer:
    deadline = time.monotonic() + 20
    while True:
        answer = client.pay(site, key)
        if answer.status == 201 or time.monotonic() > deadline:
            return answer
        time.sleep(0.05)


def wait_until_copied(lab: Lab, site: str, payment_id: str, refunded: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found: dict[str, Record] = {}
        # The copy may not even have the table yet.
        with suppress(UndefinedTable), lab.connect(site) as connection:
            found = {record.payment_id: record for record in payments.records(connection)}
        if payment_id in found and found[payment_id].refunded_minor == refunded:
            return
        time.sleep(0.05)
    pytest.fail(f"{payment_id} was not copied to {site}")


def test_acknowledged_payments_that_were_not_copied_die_with_the_site(lab: Lab) -> None:
    client, truth = Client(lab), UsualTruth.of(lab)

    first = client.pay("east", "first")
    payment_id = first.body["payment_id"]
    assert (first.status, first.headers["payment-site"]) == (201, "east")
    assert client.pay("east", "first").headers["idempotent-replayed"] == "true"
    assert client.refund("east", payment_id, "part", 250).body["refunded"] == 250
    assert client.refund("east", payment_id, "too-much", 9_999).status == 402
    assert client.pay("west", "read-only").status == 503
    assert truth.open_operations() == frozenset()

    wait_until_copied(lab, "west", payment_id, refunded=250)
    acknowledged = {client.pay("east", f"k{number}").body["payment_id"] for number in range(40)}
    lab.isolate("east", isolated=True)
    lab.kill_site("east")
    after = until_created(client, "west", "after")

    assert after.headers["payment-site"] == "west"
    assert truth.control().active == "west"
    kept = {record.payment_id: record for record in truth.records()}
    assert kept[after.body["payment_id"]].state is PaymentState.CAPTURED
    assert kept[payment_id].refunded_minor == 250
    assert acknowledged - kept.keys()

    again = until_created(client, "west", "k39")
    assert again.status == 201
    assert again.body["payment_id"] in acknowledged
    assert "idempotent-replayed" not in again.headers
