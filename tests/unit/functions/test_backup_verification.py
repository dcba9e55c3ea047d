"""The function that verifies backups: its parts, and that a pass is one line of the log."""

import logging
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest

from fakes.composed import SETTINGS
from fakes.restoring import RestoringWorld
from payment_dr.adapters.backup_reader import PostgresLiveLedger
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.adapters.rds_restore import RestorePlace
from payment_dr.checks.backup_source import BackupKind
from payment_dr.core.errors import PaymentDrError, SettingsError, UnavailableError
from payment_dr.functions import backup_verification as module
from payment_dr.functions.environment import environment_from


class Client:
    """Every service: no cluster exists, nothing is filed, and the secret is an administrator's."""

    def __init__(self) -> None:
        self.page: dict[str, Any] = {"DBClusters": [], "Contents": []}

    def get_paginator(self, _action: str) -> Any:
        return self

    def paginate(self, **_request: Any) -> Any:
        return iter([self.page])

    def get_secret_value(self, **_request: str) -> Any:
        return {"SecretString": '{"username": "payment_admin", "password": "p"}'}

    def scan(self, **_request: Any) -> Any:
        return {"Items": []}


@pytest.fixture(name="variables")
def variables_fixture(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    variables = {
        "PAYMENT_DR_SITE": "east",
        "PAYMENT_DR_SETTINGS": SETTINGS.model_dump_json(),
        "PAYMENT_DR_LEDGER_HOST": "127.0.0.1",
        "PAYMENT_DR_LEDGER_PORT": "1",
        "PAYMENT_DR_EVIDENCE_BUCKET": "evidence",
    }
    client = Client()
    monkeypatch.setattr(module, "environ", variables)
    monkeypatch.setattr(module, "configure_logs", lambda: None)
    monkeypatch.setattr(module, "aws_client", lambda *_given: client)
    return variables


@pytest.mark.usefixtures("variables")
def test_a_call_is_one_pass_over_the_sites_backups_and_a_line_of_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = RestoringWorld()
    monkeypatch.setattr(module, "RdsBackups", lambda *_given, **_named: world)
    caplog.set_level(logging.INFO, "payment_dr")
    document = module.handler({}, None)
    (did,) = document["did"]
    assert did.endswith("the restore has begun")
    assert vars(caplog.records[-1])["fields"] == {"did": document["did"]}
    assert document["verdicts"] == []
    assert world.begun[0].point.kind is BackupKind.SNAPSHOT


@pytest.mark.usefixtures("variables")
def test_a_run_that_is_asked_for_is_verified_beside_that_of_the_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = RestoringWorld()
    world.day()
    monkeypatch.setattr(module, "ports_of", lambda _: world.ports())
    asked = {"run": "2023-11-14T22-15-00Z"}
    document = module.handler(asked, None)
    for _ in range(20):
        if document["verdicts"]:
            break
        document = module.handler(asked, None)
    assert document["run"] == asked["run"]
    assert [one["verdict"] for one in document["verdicts"]] == ["pass", "pass"]
    assert {one.run for one in world.filed} == {"2023-11-14", asked["run"]}
    assert not world.existing


@pytest.mark.usefixtures("variables")
def test_a_run_is_named_by_a_time_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ports_of", lambda _: RestoringWorld().ports())
    with pytest.raises(PaymentDrError, match=r"cannot be named '\.\./x'"):
        module.handler({"run": "../x"}, None)


def test_the_parts_are_those_of_the_site(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = environment_from(variables)
    places: list[Any] = []
    monkeypatch.setattr(module, "RdsBackups", lambda *given, **_named: places.append(given[1]))
    ports = module.ports_of(environment)
    assert places == [
        RestorePlace(
            cluster="payments-cluster-east-dev",
            prefix="payments-restored-east-dev",
            instance_class="db.r6g.large",
        )
    ]
    assert not list(ports.expected())
    assert 0 <= ports.random() < 1
    with pytest.raises(UnavailableError, match="the live ledger does not answer"), ports.live():
        pass


def test_the_live_ledger_is_read_as_its_administrator(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logins: list[tuple[LedgerLogin, int]] = []

    def connected(login: LedgerLogin, _name: str, *, statement_s: int) -> Any:
        logins.append((login, statement_s))
        return nullcontext(psycopg)

    monkeypatch.setattr(module, "connected", connected)
    environment = environment_from(variables)
    with module.ports_of(environment).live() as live:
        assert isinstance(live, PostgresLiveLedger)
    login, statement_s = logins[0]
    assert (login.user, login.host, statement_s) == ("payment_admin", "127.0.0.1", 600)


def test_without_a_place_for_its_verdicts_nothing_is_verified(variables: dict[str, str]) -> None:
    del variables["PAYMENT_DR_EVIDENCE_BUCKET"]
    with pytest.raises(SettingsError, match="EVIDENCE_BUCKET is missing"):
        module.handler({}, None)
