"""Functions and their schedules, as they were deployed."""

import json
from typing import Any

import pytest

from deployment.found import Deployment
from payment_dr.adapters.function_call import ALIAS
from payment_dr.core.settings import SiteSettings
from payment_dr.functions.catalogue import FUNCTIONS, Every, Function

pytestmark = pytest.mark.deployment

NAMES = [function.name for function in FUNCTIONS]
SCHEDULED = [function for function in FUNCTIONS if function.every is not None]


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_a_function_is_the_real_one_with_its_own_limits(
    deployed: Deployment, site: SiteSettings, function: Function
) -> None:
    found = deployed.function(function.name, site)
    assert found["Handler"] == function.lambda_handler
    assert (found["Timeout"], found["MemorySize"]) == (function.timeout_s, function.memory_mb)
    assert (found["Runtime"], found["Architectures"]) == ("python3.13", ["arm64"])
    assert found["State"] == "Active"
    assert found["Version"] != "$LATEST"


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_a_function_knows_its_site_and_no_secret(
    deployed: Deployment, site: SiteSettings, function: Function
) -> None:
    variables = deployed.function(function.name, site)["Environment"]["Variables"]
    assert variables["PAYMENT_DR_SITE"] == site.name
    assert variables["PAYMENT_DR_EVIDENCE_BUCKET"] == deployed.of(site, "EvidenceBucket")
    assert json.loads(variables["PAYMENT_DR_SETTINGS"])["home"] == deployed.home.name
    told = json.dumps(variables)
    for thing in ("ledger-master", "ledger", "ledger-admin", "provider", "canary"):
        content = deployed.secret(thing, site)
        hidden = [value for name, value in content.items() if name != "username"]
        assert not any(value in told for value in hidden), f"{thing} is in the environment"


@pytest.mark.parametrize("name", NAMES)
def test_both_sites_run_the_same_code(deployed: Deployment, name: str) -> None:
    here, there = (deployed.function(name, site)["CodeSha256"] for site in deployed.sites)
    assert here == there


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_the_outputs_name_every_function(
    deployed: Deployment, site: SiteSettings, function: Function
) -> None:
    word = "".join(part.capitalize() for part in function.name.split("-"))
    assert deployed.of(site, f"{word}FunctionName") == deployed.settings.resource(
        function.name, site.name
    )


def schedules(deployed: Deployment, site: SiteSettings) -> dict[str, Any]:
    client = deployed.client("scheduler", site.region)
    pages = client.get_paginator("list_schedules").paginate(
        NamePrefix="payments-", GroupName=deployed.place(site).name("schedules")
    )
    return {
        each["Name"]: client.get_schedule(Name=each["Name"], GroupName=each["GroupName"])
        for page in pages
        for each in page["Schedules"]
    }


def test_exactly_the_functions_with_a_schedule_are_called_and_by_their_alias(
    deployed: Deployment, site: SiteSettings
) -> None:
    found = schedules(deployed, site)
    place = deployed.place(site)
    assert {name: each["Target"]["Arn"] for name, each in found.items()} == {
        place.name(function.name): place.arn("lambda", f"function:{place.name(function.name)}")
        + f":{ALIAS}"
        for function in SCHEDULED
    }
    assert {each["State"] for each in found.values()} == {"ENABLED"}


@pytest.mark.parametrize("function", SCHEDULED, ids=[f.name for f in SCHEDULED])
def test_a_schedule_is_as_frequent_as_the_catalogue_says(
    deployed: Deployment, site: SiteSettings, function: Function
) -> None:
    expression = schedules(deployed, site)[deployed.place(site).name(function.name)][
        "ScheduleExpression"
    ]
    match function.every:
        case Every.MINUTE:
            assert expression == "rate(1 minute)"
        case Every.FIVE_MINUTES:
            assert expression == "rate(5 minutes)"
        case _:
            assert expression.startswith("cron(")
            assert expression.endswith("* * ? *)")
