"""The estimate of a month's bill."""

import datetime as dt
from typing import Any

import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.core.errors import PaymentDrError
from payment_dr.infra.cost.choices import choices
from payment_dr.infra.cost.estimate import Estimate, Line, estimate
from payment_dr.infra.cost.prices import Prices

PRICES = Prices.packaged()
SETTINGS = example("production")
STACKS: dict[str, dict[str, dict[str, dict[str, Any]]]] = {
    "foundation": {
        "aws_secretsmanager_secret": {"ledger": {"replica": [{"region": "us-west-2"}]}},
        "aws_route53_zone": {"zone": {}},
    },
    "east": {
        "aws_nat_gateway": {"a": {}, "b": {}, "c": {}},
        "aws_rds_cluster_instance": {
            "1": {"instance_class": "db.r6g.large"},
            "2": {"instance_class": "db.r6g.large"},
        },
        "aws_vpc_endpoint": {
            "s3": {"vpc_endpoint_type": "Gateway"},
            "kms": {"vpc_endpoint_type": "Interface", "subnet_ids": ["a", "b", "c"]},
        },
        "aws_cloudwatch_metric_alarm": {"slow": {"period": 60}, "fast": {"period": 10}},
        "aws_iam_role": {"free": {}},
    },
    "links": {
        "aws_route53_health_check": {"east": {"type": "HTTPS"}, "home": {"type": "CALCULATED"}}
    },
}


def line(found: Estimate, scope: str, item: str) -> Line:
    (only,) = [one for one in found.lines if (one.scope, one.item) == (scope, item)]
    return only


def test_every_price_has_a_source_and_the_list_a_date() -> None:
    assert PRICES.date > dt.date(2026, 1, 1)
    assert set(PRICES.sources) == set(PRICES.tables)
    assert all("/" in source for source in PRICES.sources.values())
    assert all(price > 0 for table in PRICES.tables.values() for price in table.values())


def test_instances_are_paid_by_the_hour_of_their_class() -> None:
    instances = line(
        estimate(STACKS, SETTINGS, PRICES, payments_per_month=0), "east", "database instances"
    )
    assert (instances.quantity, instances.unit, instances.price) == (2 * 730, "hour", 0.26)
    assert instances.month == pytest.approx(379.6)


def test_an_interface_endpoint_is_paid_in_each_zone_and_a_gateway_endpoint_not_at_all() -> None:
    endpoints = line(
        estimate(STACKS, SETTINGS, PRICES, payments_per_month=0), "east", "interface endpoints"
    )
    assert endpoints.quantity == 3 * 730


def test_a_replica_of_a_secret_is_paid_like_the_secret() -> None:
    found = estimate(STACKS, SETTINGS, PRICES, payments_per_month=0)
    secrets = line(found, "foundation", "secrets and their replicas")
    assert (secrets.quantity, secrets.unit) == (2, "month")


def test_high_resolution_alarms_are_dearer() -> None:
    alarms = [
        one.price
        for one in estimate(STACKS, SETTINGS, PRICES, payments_per_month=0).lines
        if one.item == "alarms"
    ]
    assert sorted(alarms) == [0.10, 0.30]


def test_without_payments_nothing_is_paid_for_payments() -> None:
    found = estimate(STACKS, SETTINGS, PRICES, payments_per_month=0)
    assert "payments" not in found.scopes
    assert found.scopes == ("foundation", "east", "links", "west")


def test_what_payments_cost_grows_with_their_number() -> None:
    once = estimate(STACKS, SETTINGS, PRICES, payments_per_month=1e6).of("payments")
    tenfold = estimate(STACKS, SETTINGS, PRICES, payments_per_month=1e7).of("payments")
    assert once > 0
    assert tenfold == pytest.approx(10 * once)


def test_a_write_is_paid_in_each_region_of_the_table_with_its_indexes() -> None:
    writes = line(
        estimate(STACKS, SETTINGS, PRICES, payments_per_month=1e6),
        "payments",
        "table writes in three regions",
    )
    assert writes.quantity == (3 + 4) * 3


def test_the_month_is_the_sum_of_its_lines_and_scopes() -> None:
    found = estimate(STACKS, SETTINGS, PRICES, payments_per_month=1e6)
    assert found.month == pytest.approx(sum(one.month for one in found.lines))
    assert found.month == pytest.approx(sum(found.of(scope) for scope in found.scopes))


def test_a_class_without_a_price_is_named_with_what_to_do() -> None:
    stacks = {"east": {"aws_rds_cluster_instance": {"1": {"instance_class": "db.x2g.large"}}}}
    with pytest.raises(PaymentDrError, match=r"db\.x2g\.large.*db\.r6g\.large") as caught:
        estimate(stacks, SETTINGS, PRICES, payments_per_month=0)
    assert "prices.toml" in caught.value.remedy


def test_choices_differ_from_the_settings_in_one_thing_each() -> None:
    for choice in choices(SETTINGS, PRICES):
        mine, theirs = SETTINGS.deployment.model_dump(), choice.settings.deployment.model_dump()
        assert len([name for name, value in mine.items() if theirs[name] != value]) == 1
        assert choice.price_of_it


def test_what_is_chosen_already_is_no_choice() -> None:
    names = [choice.name for choice in choices(SETTINGS, PRICES)]
    assert "instances of db.r6g.large" not in names
    assert "instances of db.r6g.xlarge" in names
    assert "one NAT gateway in each site" in names


def test_what_runs_by_the_clock_is_paid_without_a_single_payment() -> None:
    found = estimate(STACKS, SETTINGS, PRICES, payments_per_month=0)
    watcher = line(found, "east", "scheduled: watcher")
    assert watcher.quantity == 730 * 60 * 51 / 2
    five_minutes = line(found, "east", "scheduled: readiness")
    assert five_minutes.quantity == 730 * 12 * 2 / 2
    assert line(found, "east", "heartbeats in three regions").quantity == pytest.approx(0.7884)


def test_probes_are_requests_and_the_site_that_is_not_home_is_asked_for_the_switch_too() -> None:
    found = estimate(STACKS, SETTINGS, PRICES, payments_per_month=0)
    at_home, elsewhere = (line(found, site, "probes: HTTP requests") for site in ("east", "west"))
    assert at_home.quantity == pytest.approx(16 * 6 * 60 * 730 / 1e6)
    assert elsewhere.quantity == pytest.approx(2 * at_home.quantity)
    time = line(found, "east", "probes: function time, 1 GB")
    assert time.quantity == pytest.approx(at_home.quantity * 1e6 * 0.02)


@pytest.mark.parametrize(
    ("check", "options"),
    [
        ({"type": "HTTPS", "request_interval": 10, "measure_latency": True}, 3),
        ({"type": "HTTPS", "request_interval": 10, "measure_latency": False}, 2),
        ({"type": "HTTPS", "request_interval": 30}, 1),
        ({"type": "CALCULATED"}, 0),
    ],
)
def test_each_option_of_a_health_check_is_paid(check: dict[str, object], options: int) -> None:
    stacks = {"links": {"aws_route53_health_check": {"1": check}}}
    found = estimate(stacks, SETTINGS, PRICES, payments_per_month=0)
    paid = [one.quantity for one in found.lines if one.item == "options of health checks"]
    assert sum(paid) == options
