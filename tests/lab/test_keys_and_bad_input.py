"""API keys and bad input in a running lab, over real HTTP, at both sites."""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from payment_dr.adapters.settings_file import example
from payment_dr.cli import keys, merchants
from payment_dr.lab.supervisor import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

SETTINGS = example("development")
PAYMENT = {"amount": 1250, "currency": "EUR"}


class Running:
    """A lab and its operator's command line."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.key = lab.merchant_keys["merchant-0"]

    def send(
        self, method: str, path: str, body: bytes = b"", *, site: str = "east", **headers: str
    ) -> tuple[int, Any]:
        addresses = self.lab.addresses
        given = {"authorization": f"Bearer {self.key}", **headers}
        connection = http.client.HTTPConnection(
            addresses.link_address[site], addresses.api_port, timeout=10
        )
        with closing(connection):
            named = {name.replace("_", "-"): value for name, value in given.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def pay(self, **changes: object) -> str:
        body = json.dumps({**PAYMENT, **changes}).encode()
        key = str(uuid.uuid4())
        status, payment = self.send("POST", "/v1/payments", body, idempotency_key=key)
        assert status == 201
        return str(payment["payment_id"])

    def command(self, *arguments: str) -> Any:
        app = typer.Typer()
        merchants.register(app)
        keys.register(app)
        lab = ("--lab", str(self.lab.directory), "--json")
        result = CliRunner().invoke(app, [*arguments, *lab])
        assert result.exit_code == 0, result.exception
        return json.loads(result.stdout)

    def items(self) -> int:
        """How many items the payments table has."""
        client = self.lab.aws_client("dynamodb", "east")
        table = SETTINGS.resource("table")
        count: int = client.scan(TableName=table, Select="COUNT", ConsistentRead=True)["Count"]
        return count

    def at_provider(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.lab.addresses.provider_port)
        with closing(connection):
            connection.request("GET", "/_lab/rows")
            return len(connection.getresponse().read().splitlines())


@pytest.fixture(name="running", scope="module")
def running_fixture() -> Iterator[Running]:
    with Lab(SETTINGS, schedules={}) as lab:
        yield Running(lab)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("body", "key", "status", "code"),
    [
        (b"amount=1250", "k", 400, "invalid_json"),
        (b"\xff\xfe", "k", 400, "invalid_json"),
        (b" " * 1_000_000, "k", 413, "body_too_large"),
        (b"[" * 1_000 + b"]" * 1_000, "k", 400, "json_too_deep"),
        (b'{"a":' * 10_000, "k", 400, "json_too_deep"),
        (b'{"amount": NaN, "currency": "EUR"}', "k", 400, "invalid_json"),
        (b'{"amount": 1e400, "currency": "EUR"}', "k", 400, "invalid_json"),
        (b'{"amount": 12.5, "currency": "EUR"}', "k", 400, "invalid_request"),
        (b'{"amount": 1250, "currency": "XXX"}', "k", 400, "currency_unknown"),
        (json.dumps(PAYMENT).encode(), "", 400, "idempotency_key_missing"),
        (json.dumps(PAYMENT).encode(), "k" * 300, 400, "idempotency_key_invalid"),
        (json.dumps(PAYMENT).encode(), "k\xe9y", 400, "idempotency_key_invalid"),
        (json.dumps(PAYMENT).encode(), "a\tb", 400, "idempotency_key_invalid"),
    ],
    ids=str,
)
def test_bad_input_leaves_nothing_in_the_table_or_at_the_provider(
    running: Running, body: bytes, key: str, status: int, code: str
) -> None:
    before = (running.items(), running.at_provider())
    answer = running.send("POST", "/v1/payments", body, idempotency_key=key)
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert (running.items(), running.at_provider()) == before


def test_headers_beyond_their_bound_are_refused(running: Running) -> None:
    status, body = running.send("GET", "/v1/payments", cookie_x="x" * 20_000)
    assert (status, body["code"]) == (431, "headers_too_large")


def test_of_two_refunds_at_once_no_more_than_was_captured_is_given_back(running: Running) -> None:
    payment_id = running.pay()
    together = threading.Barrier(2)

    def refund(number: int) -> int:
        together.wait(10)
        for _ in range(100):
            status, _ = running.send(
                "POST",
                f"/v1/payments/{payment_id}/refunds",
                b'{"amount": 1000}',
                site=("east", "west")[number],
                idempotency_key=f"refund-{number}",
            )
            if status not in {202, 409}:
                return status
        return 0

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(refund, range(2))) == [201, 402]
    assert running.send("GET", f"/v1/payments/{payment_id}")[1]["refunded"] == 1000


def test_a_capture_after_a_void_is_declined(running: Running) -> None:
    path = f"/v1/payments/{running.pay(capture=False)}"
    assert running.send("POST", f"{path}/void", idempotency_key="v")[0] == 201
    answer = running.send("POST", f"{path}/captures", b'{"amount": 1250}', idempotency_key="c")
    assert (answer[0], answer[1]["decline_code"]) == (402, "not_authorised")


def test_a_key_made_by_command_works_at_both_sites_until_it_is_revoked(running: Running) -> None:
    running.command("merchants", "create", "acme")
    made = running.command("keys", "create", "acme")
    bearer = f"Bearer {made['key']}"

    def statuses() -> set[int]:
        return {
            running.send("GET", "/v1/payments", site=site, authorization=bearer)[0]
            for site in ("east", "west")
        }

    until(lambda: statuses() == {200})
    running.command("keys", "revoke", made["key_id"], "--yes")
    until(lambda: statuses() == {401})
    assert running.command("keys", "list", "acme") == []


def test_a_rotated_key_and_its_successor_both_work_and_then_one(running: Running) -> None:
    running.command("merchants", "create", "rotating")
    old = running.command("keys", "create", "rotating")
    new = running.command("keys", "rotate", old["key_id"], "--overlap-s", "2")

    def status(key: str) -> int:
        return running.send("GET", "/v1/balances", authorization=f"Bearer {key}")[0]

    assert status(new["key"]) == 200
    until(lambda: status(old["key"]) == 401)
    assert status(new["key"]) == 200


def test_a_disabled_merchant_is_let_in_nowhere(running: Running) -> None:
    running.command("merchants", "create", "gone")
    made = running.command("keys", "create", "gone", "--scope", "ledger:read")
    bearer = f"Bearer {made['key']}"
    assert running.send("GET", "/v1/payments", authorization=bearer)[1]["code"] == "scope_missing"
    running.command("merchants", "disable", "gone", "--yes")
    until(lambda: running.send("GET", "/v1/balances", authorization=bearer)[0] == 401)
    names = [m["merchant"] for m in running.command("merchants", "list") if m["disabled_at"]]
    assert names == ["gone"]


def test_another_merchants_payment_is_not_found_at_either_site(running: Running) -> None:
    path = f"/v1/payments/{running.pay()}"
    rival = f"Bearer {running.lab.merchant_keys['merchant-1']}"
    for site in ("east", "west"):
        assert running.send("GET", path, site=site, authorization=rival)[0] == 404
        assert running.send("GET", path, site=site)[0] == 200


def test_an_endpoint_made_at_one_site_is_known_at_the_other_with_the_same_secret(
    running: Running,
) -> None:
    hook = b'{"url": "https://shop.example/hook", "events": ["*"]}'
    made = running.send("POST", "/v1/webhook_endpoints", hook, idempotency_key="w")
    again = running.send("POST", "/v1/webhook_endpoints", hook, site="west", idempotency_key="w")
    assert made == again
    assert made[0] == 201


def test_what_is_stored_holds_no_key(running: Running) -> None:
    client = running.lab.aws_client("dynamodb", "west")
    stored = str(client.scan(TableName=SETTINGS.resource("table"), ConsistentRead=True)["Items"])
    assert "key#" in stored
    assert not [key for key in running.lab.merchant_keys.values() if key in stored]
    logs = "".join(p.read_text() for p in (running.lab.directory / "logs").glob("*.log"))
    assert not [key for key in running.lab.merchant_keys.values() if key in logs]
