"""What a function's environment must say, and how each mistake in it is named."""

import json

import pytest

from fakes.composed import SETTINGS
from payment_dr.core.errors import SettingsError
from payment_dr.functions.environment import Address, AwsAccess, environment_from

ON_AWS = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "of the role",
    "AWS_SECRET_ACCESS_KEY": "of the role too",
    "PAYMENT_DR_SITE": "east",
    "PAYMENT_DR_SETTINGS": SETTINGS.model_dump_json(),
    "PAYMENT_DR_LEDGER_HOST": "ledger.internal",
    "PAYMENT_DR_LEDGER_PORT": "5432",
}
IN_THE_LAB = {
    **ON_AWS,
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "lab",
    "AWS_SECRET_ACCESS_KEY": "lab's",
    "PAYMENT_DR_PEER_LEDGER_HOST": "127.0.0.1",
    "PAYMENT_DR_PEER_LEDGER_PORT": "2",
    "PAYMENT_DR_PROVIDER_URL": "http://127.0.0.1:3",
    "PAYMENT_DR_PEER_HEALTH_URL": "http://127.0.0.1:4/health",
    "PAYMENT_DR_OWN_URL": "http://127.0.0.1:5",
    "PAYMENT_DR_DNS": "127.0.0.1:6",
    "PAYMENT_DR_EVIDENCE_BUCKET": "evidence",
}


def test_on_aws_everything_that_is_not_said_is_awss_own() -> None:
    environment = environment_from(ON_AWS)
    assert environment.site == "east"
    assert environment.settings == SETTINGS
    assert environment.ledger == Address(host="ledger.internal", port=5432)
    assert environment.here.region == "us-east-1"
    assert environment.peer.name == "west"
    assert (environment.aws, environment.peer_ledger, environment.dns) == (None, None, None)
    assert (environment.provider_url, environment.own_url) == (None, None)
    assert (environment.peer_health_url, environment.evidence_bucket) == (None, None)


def test_the_lab_says_where_its_stand_ins_are() -> None:
    environment = environment_from(IN_THE_LAB)
    assert environment.aws == AwsAccess(
        endpoint_url="http://127.0.0.1:1", access_key_id="lab", secret_access_key="lab's"
    )
    assert environment.peer_ledger == Address(host="127.0.0.1", port=2)
    assert environment.provider_url == "http://127.0.0.1:3"
    assert environment.peer_health_url == "http://127.0.0.1:4/health"
    assert environment.own_url == "http://127.0.0.1:5"
    assert environment.dns == Address(host="127.0.0.1", port=6)
    assert environment.evidence_bucket == "evidence"
    assert "lab's" not in repr(environment)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"PAYMENT_DR_SETTINGS": None}, "PAYMENT_DR_SETTINGS:"),
        ({"PAYMENT_DR_SETTINGS": "{"}, "PAYMENT_DR_SETTINGS:"),
        ({"PAYMENT_DR_SETTINGS": json.dumps({"home": "east"})}, "sites Field required"),
        ({"PAYMENT_DR_SITE": None}, r"PAYMENT_DR_SITE '' is none of"),
        ({"PAYMENT_DR_SITE": "north"}, r"'north' is none of \['east', 'west'\]"),
        ({"PAYMENT_DR_LEDGER_HOST": None}, "PAYMENT_DR_LEDGER_HOST and .* are missing"),
        ({"PAYMENT_DR_LEDGER_PORT": None}, "PAYMENT_DR_LEDGER_HOST and .* are missing"),
        ({"PAYMENT_DR_LEDGER_PORT": "x"}, "PAYMENT_DR_LEDGER_PORT 'x' is no port"),
        ({"PAYMENT_DR_LEDGER_PORT": "65536"}, "PAYMENT_DR_LEDGER_PORT '65536' is no port"),
        ({"PAYMENT_DR_DNS": "nowhere"}, "PAYMENT_DR_DNS 'nowhere' is no port"),
        ({"PAYMENT_DR_PEER_LEDGER_PORT": "0"}, "PAYMENT_DR_PEER_LEDGER_PORT '0' is no port"),
    ],
)
def test_a_mistake_is_named(changes: dict[str, str | None], said: str) -> None:
    given = {name: value for name, value in {**IN_THE_LAB, **changes}.items() if value is not None}
    with pytest.raises(SettingsError, match=said):
        environment_from(given)


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        environment_from({**ON_AWS, "PAYMENT_DR_SITE": "x", "PAYMENT_DR_LEDGER_PORT": "y"})
    assert "PAYMENT_DR_SITE" in str(caught.value)
    assert "PAYMENT_DR_LEDGER_PORT" in str(caught.value)
