"""The function that a deployment ends with: its logins, and what it says it did."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from fakes.composed import SETTINGS
from fakes.directory import key_text
from fakes.planned_client import PlannedClient, refusal
from payment_dr.adapters.control_table import control_item
from payment_dr.adapters.ledger_setup import LedgerSetup
from payment_dr.core.deployment_settings import DatabaseSettings, LedgerAuthentication
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.functions import composition, initialise
from payment_dr.functions.environment import Address, Environment
from payment_dr.functions.initialise import adopt_canary, parts_of
from payment_dr.payments.merchants import ApiKey, Merchant, adopted_key
from payment_dr.recovery.moves import first_record

EAST = SiteName("east")
ENVIRONMENT = Environment(
    site=EAST,
    settings=SETTINGS,
    aws=None,
    ledger=Address(host="writer,readers", port=5432),
    peer_ledger=None,
    provider_url=None,
    peer_health_url=None,
    own_url=None,
    dns=None,
    evidence_bucket=None,
)


def secret(user: str) -> dict[str, str]:
    return {"SecretString": f'{{"username": "{user}", "password": "of-{user}"}}'}


@pytest.fixture(name="aws", autouse=True)
def aws_fixture(monkeypatch: pytest.MonkeyPatch) -> dict[str, PlannedClient]:
    """Clients by service: the three secrets in the order in which they are read, and a record."""
    clients = {
        "secretsmanager": PlannedClient(
            secret("first_user"), secret("payment_admin_2"), secret("payment_app")
        ),
        "rds": PlannedClient(),
        "dynamodb": PlannedClient(
            refusal("ConditionalCheckFailedException"), {"Item": control_item(first_record(EAST))}
        ),
    }

    class Session:
        def create_client(self, service: str, **_options: Any) -> PlannedClient:
            return clients[service]

    monkeypatch.setattr(composition, "_session", Session)
    return clients


def test_each_user_has_what_its_secret_says(aws: dict[str, PlannedClient]) -> None:
    setup, _ = parts_of(ENVIRONMENT)
    names = [request["SecretId"] for _, request in aws["secretsmanager"].calls]
    assert names == [
        "payments-ledger-master-dev",
        "payments-ledger-admin-dev",
        "payments-ledger-dev",
    ]
    assert (setup.master.user, setup.master.password) == ("first_user", "of-first_user")
    assert (setup.admin.user, setup.admin.password) == ("payment_admin_2", "of-payment_admin_2")
    assert (setup.app.name, setup.app.password) == ("payment_app", "of-payment_app")
    assert (setup.master.host, setup.master.port, setup.master.tls) == (
        "writer,readers",
        5432,
        True,
    )
    assert "of-" not in repr(setup)


def test_the_first_user_has_a_token_at_the_writer_where_the_api_logs_in_by_one(
    aws: dict[str, PlannedClient],
) -> None:
    aws["rds"] = PlannedClient("a-token")
    setup, _ = parts_of(ENVIRONMENT)
    assert setup.master_by_token is not None
    login = setup.master_by_token()
    assert (login.host, login.user, login.password) == ("writer", "first_user", "a-token")
    database = DatabaseSettings(authentication=LedgerAuthentication.PASSWORD)
    settings = ENVIRONMENT.settings.model_copy(update={"database": database})
    with_passwords, _ = parts_of(replace(ENVIRONMENT, settings=settings))
    assert with_passwords.master_by_token is None


def test_a_secret_that_cannot_be_read_ends_it(aws: dict[str, PlannedClient]) -> None:
    aws["secretsmanager"].planned = [refusal("ResourceNotFoundException")]
    with pytest.raises(UnavailableError, match="payments-ledger-master-dev"):
        parts_of(ENVIRONMENT)


def test_the_handler_answers_with_what_was_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stamped: list[Stamp] = []

    def stamp(_setup: LedgerSetup, given: Stamp) -> bool:
        stamped.append(given)
        return True

    monkeypatch.setattr(initialise, "configure_logs", lambda: None)
    monkeypatch.setattr(initialise, "environment_from", lambda _variables: ENVIRONMENT)
    monkeypatch.setattr(LedgerSetup, "prepare", lambda _: False)
    monkeypatch.setattr(LedgerSetup, "migrate", lambda _: ("0001_ledger",))
    monkeypatch.setattr(LedgerSetup, "stamp", stamp)
    caplog.set_level("INFO", logger="payment_dr")
    monkeypatch.setattr(initialise, "adopt_canary", lambda _environment: True)
    expected = {
        "database": False,
        "control_record": False,
        "migrations": ("0001_ledger",),
        "stamped": True,
        "canary": True,
    }
    assert initialise.handler({}, None) == expected
    assert stamped == [first_record(EAST).stamp]
    assert [vars(record)["fields"] for record in caplog.records] == [expected]


def test_the_canarys_merchant_gets_the_key_of_its_secret(aws: dict[str, PlannedClient]) -> None:
    text = key_text("c")
    aws["secretsmanager"].planned = [{"SecretString": f'{{"api_key": "{text}"}}'}]
    merchant = Merchant(merchant="canary", created_at=1.0)
    key = adopted_key("canary", text, frozenset(), now=1.0)
    aws["dynamodb"].planned = [
        {},  # no key of that id
        {},  # listed among the merchants
        {},  # the merchant is written
        {"Item": {"body": {"S": TypeAdapter(Merchant).dump_json(merchant).decode()}}},
        {},  # the key is listed with it
        {},  # the key is written
        {"Item": {"body": {"S": TypeAdapter(ApiKey | None).dump_json(key).decode()}}},
    ]
    assert not adopt_canary(ENVIRONMENT)
    written = [r["Item"]["payment_id"]["S"] for a, r in aws["dynamodb"].calls if a == "put_item"]
    assert written == ["merchant#canary", "merchant#canary", f"key#{'c' * 16}"]
    assert aws["secretsmanager"].calls[0][1]["SecretId"] == "payments-canary-dev"
    assert text not in str(aws["dynamodb"].calls)
