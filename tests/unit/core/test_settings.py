from typing import Any, get_args

import pytest
from pydantic import ValidationError

from payment_dr.adapters.settings_file import Example, example
from payment_dr.core.settings import Settings

pytestmark = pytest.mark.timeout(30)


def changed(**changes: Any) -> Settings:
    values: Any = example("development").model_dump(mode="json")
    for dotted, value in changes.items():
        *path, last = dotted.split("__")
        place: Any = values
        for part in path:
            place = place[int(part) if part.isdigit() else part]
        place[last] = value
    return Settings.model_validate(values)


def test_every_example_is_valid_and_names_a_home_among_its_sites() -> None:
    for kind in get_args(Example):
        settings = example(kind)
        assert settings.site(settings.home).region == "us-east-1"
        assert settings.peer(settings.home).name == "west"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"probes__interval_s": -1}, "greater than 0"),
        ({"probes__interval_s": 0}, "greater than 0"),
        ({"probes__interval_s": float("inf")}, "finite"),
        ({"probes__treshold": 3}, "Extra inputs"),
        ({"probes__threshold": 11}, "less than or equal to 10"),
        ({"witness_region": "eu-west-1"}, "not inside one set"),
        ({"witness_region": "us-west-2"}, "three different"),
        ({"sites__1__cidr": "10.0.128.0/17"}, "overlap"),
        ({"sites__1__cidr": "8.8.0.0/16"}, "private network"),
        ({"sites__1__cidr": "10.1.0.0/24"}, "/16 to /20"),
        ({"sites__1__name": "east"}, "share the name"),
        ({"sites__1__name": "standby"}, "is a role"),
        ({"sites__1__name": "West Coast"}, "starting with a letter"),
        ({"home": "north"}, "none of the sites"),
        ({"environment_suffix": "Prod!"}, "1 to 12"),
        ({"objectives__acceptance_rto_s": 3}, "1 s x 3 + TTL 1 s = 4 s"),
        ({"failover__budgets__route_s": 3}, "route_s 3 cannot be met: probes 1 s x 3 + TTL 1 s"),
        ({"objectives__ledger_rto_s": 10}, "probes 3 s + step budgets 54 s = 57 s"),
        ({"payments__lease_s": 3}, "must exceed request_deadline_s"),
        ({"sites": []}, "at least 2 items"),
    ],
)
def test_a_bad_value_is_refused_and_the_error_says_what_is_accepted(
    changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError, match="(?s)" + told.replace("+", r"\+")):
        changed(**changes)


def test_several_contradictions_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        changed(home="north", witness_region="eu-west-1")
    assert "north" in str(caught.value)
    assert "not inside one set" in str(caught.value)


def test_names_of_resources_hold_site_and_suffix_and_never_a_role() -> None:
    settings = example("development")
    assert settings.resource("table") == "payments-table-dev"
    assert settings.resource("cluster", "east") == "payments-cluster-east-dev"


def test_asking_for_a_site_that_does_not_exist_fails() -> None:
    settings = example("development")
    with pytest.raises(KeyError):
        settings.site("north")
    with pytest.raises(KeyError):
        settings.peer("north")


def test_keys_that_the_provider_has_forgotten_may_not_be_trusted() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 79200"):
        changed(payments__provider_forgets_keys_s=86_400)
