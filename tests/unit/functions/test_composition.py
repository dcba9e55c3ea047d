"""The real parts, put together once; what they reach is tested in the lab."""

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.composed import SETTINGS
from fakes.planned_client import Events
from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.control_table import control_item
from payment_dr.core.deployment_settings import DatabaseSettings, LedgerAuthentication
from payment_dr.core.errors import SettingsError, UnavailableError
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.functions import composition as module
from payment_dr.functions.composition import (
    API,
    JOBS,
    Composition,
    LedgerAccess,
    aws_client,
    by_password,
    by_token,
    compose,
    composition,
    ledger_login,
    secret_of,
)
from payment_dr.functions.environment import Address, AwsAccess, Environment
from payment_dr.payments.ports import ControlView
from payment_dr.recovery.control import ControlRecord, Phase

Access = Callable[[Environment, SystemClock], LedgerAccess]
SECRET = {"api_key": "sk_test_x", "username": "u", "password": "p", "master": "0102"}


class FakeAws:
    """Every client; answers for the control record and the secrets, while it is up."""

    def __init__(self) -> None:
        self.phase = Phase.STEADY
        self.active = "east"
        self.up = True
        self.made: list[str] = []
        self.tokens = 0
        self.meta = Events()

    def create_client(self, service: str, **_options: Any) -> "FakeAws":
        self.made.append(service)
        return self

    def get_item(self, **_request: Any) -> dict[str, Any]:
        record = ControlRecord(
            active=SiteName(self.active),
            epoch=Epoch(4),
            phase=self.phase,
            move=None,
            version=1,
            changed_at=0.0,
        )
        return {"Item": control_item(record)}

    def generate_db_auth_token(self, **_request: Any) -> str:
        self.tokens += 1
        return f"token-{self.tokens}"

    def get_secret_value(self, **_request: str) -> dict[str, Any]:
        if not self.up:
            raise UnavailableError("down")
        return {"SecretString": json.dumps(SECRET)}


@pytest.fixture(name="aws")
def aws_fixture(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    aws = FakeAws()
    monkeypatch.setattr(module, "_session", lambda: aws)
    return aws


@pytest.fixture(name="environment")
def environment_fixture() -> Environment:
    return Environment(
        site=SiteName("east"),
        settings=SETTINGS,
        aws=AwsAccess(endpoint_url="http://127.0.0.1:1", access_key_id="k", secret_access_key="s"),
        ledger=Address(host="127.0.0.1", port=1),
        peer_ledger=None,
        provider_url="http://127.0.0.1:1",
        peer_health_url=None,
        own_url=None,
        dns=None,
        evidence_bucket=None,
    )


@pytest.fixture(name="parts")
def parts_fixture(aws: FakeAws, environment: Environment) -> Iterator[Composition]:
    del aws
    made = compose(environment, API)
    yield made
    made.close()


def test_the_parts_see_the_control_record(aws: FakeAws, parts: Composition) -> None:
    steady = ControlView(steady=True, active=SiteName("east"), epoch=Epoch(4))
    assert parts.control_now() == parts.ports.control() == steady
    aws.phase = Phase.MOVING
    assert parts.control_now() == replace(steady, steady=False)
    assert parts.ports.control() == steady  # up to a second old


def test_clients_leave_home_while_the_other_site_is_active(
    aws: FakeAws, parts: Composition
) -> None:
    aws.active = "west"
    assert parts.takeover_raised()
    aws.active = "east"
    assert parts.takeover_raised(), "up to a second old"


def test_a_site_that_does_not_reach_the_provider_is_not_healthy(parts: Composition) -> None:
    with pytest.raises(UnavailableError, match="balance"):
        parts.check_health()


def test_a_ledger_that_is_not_there_is_unavailable(parts: Composition) -> None:
    with pytest.raises(UnavailableError):
        parts.ports.ledger.view([])


def test_the_secrets_of_webhooks_follow_from_the_secret_of_that_name(parts: Composition) -> None:
    assert parts.merchants.webhook_master() == b"\x01\x02"


def test_books_that_are_not_there_are_unavailable(parts: Composition) -> None:
    with pytest.raises(UnavailableError):
        parts.merchants.books().balances("shop")


def test_a_job_waits_longer_for_the_ledger_than_a_request(
    aws: FakeAws, environment: Environment
) -> None:
    del aws
    for role, timeout_s in ((API, SETTINGS.payments.posting_budget_s), (JOBS, JOBS.posting_s)):
        parts = compose(environment, role)
        assert vars(parts.ports.ledger)["_timeout_s"] == timeout_s
        parts.close()


def test_a_secret_outlives_an_outage(aws: FakeAws, environment: Environment) -> None:
    clock: Any = FakeClock()
    secret = secret_of(environment, "provider", clock)
    assert secret() == SECRET
    aws.up = False
    clock.advance(600)
    assert secret() == SECRET


def test_the_ledger_is_reached_by_tls_except_in_a_lab(environment: Environment) -> None:
    assert not ledger_login(environment, SECRET).tls
    elsewhere = ledger_login(replace(environment, aws=None), SECRET)
    assert elsewhere.tls
    assert (elsewhere.user, elsewhere.password) == ("u", "p")


def on_aws(environment: Environment, how: LedgerAuthentication) -> Environment:
    """The same on AWS, with a choice of how the API logs in."""
    database = DatabaseSettings(authentication=how)
    settings = environment.settings.model_copy(update={"database": database})
    return replace(environment, aws=None, settings=settings)


def test_the_api_logs_in_by_a_token_of_its_own_for_each_connection(
    aws: FakeAws, environment: Environment
) -> None:
    access = by_token(on_aws(environment, LedgerAuthentication.IAM), SystemClock())
    access.doubt()
    first, second = access.login(), access.login()
    assert (first.user, first.password, second.password) == ("payment_api", "token-1", "token-2")
    assert first.tls
    assert aws.made == ["rds"]  # and no secret


@pytest.mark.parametrize("access", [by_password, by_token])
def test_by_the_settings_the_api_logs_in_with_the_secret_as_jobs_do(
    aws: FakeAws, environment: Environment, access: Access
) -> None:
    made = access(on_aws(environment, LedgerAuthentication.PASSWORD), SystemClock())
    made.doubt()
    assert (made.login().user, made.login().password) == ("u", "p")
    assert aws.made == ["secretsmanager"]


def test_a_lab_knows_passwords_alone(aws: FakeAws, environment: Environment) -> None:
    assert by_token(environment, SystemClock()).login().password == "p"
    assert aws.made == ["secretsmanager"]


def test_clients_belong_to_the_sites_region_and_the_lab_gives_their_endpoint(
    environment: Environment,
) -> None:
    inside = aws_client(environment, "dynamodb", tight(1))
    assert inside.meta.endpoint_url == "http://127.0.0.1:1"
    assert inside.meta.region_name == "us-east-1"


def test_on_aws_clients_go_to_the_regions_own_endpoint(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    there = aws_client(replace(environment, aws=None), "dynamodb", tight(1))
    assert there.meta.endpoint_url == "https://dynamodb.us-east-1.amazonaws.com"


@pytest.fixture(name="_fresh_process")
def fresh_process_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "configure_logs", lambda: logging.getLogger("payment_dr"))
    monkeypatch.setattr(module, "_built", cache(vars(module)["_built"].__wrapped__))


@pytest.mark.usefixtures("_fresh_process")
def test_all_threads_of_a_process_share_one_composition_of_a_role(
    aws: FakeAws, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "environment_from", lambda _variables: environment)
    with ThreadPoolExecutor(4) as threads:
        made = {id(parts) for parts in threads.map(composition, [API] * 8)}
    assert len(made) == 1
    assert aws.made.count("dynamodb") == 1
    composition(API).close()


@pytest.mark.usefixtures("_fresh_process")
def test_a_process_without_its_environment_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "environ", {})
    with pytest.raises(SettingsError, match="PAYMENT_DR_SETTINGS"):
        composition(API)


def test_the_clock_of_the_parts_is_the_systems(parts: Composition) -> None:
    assert isinstance(parts.ports.clock, SystemClock)
