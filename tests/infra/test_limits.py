"""What AWS takes of settings that make sense otherwise."""

from typing import Any

import pytest

from infra.synthesized import deployed
from payment_dr.core.regions import MRSC_REGION_SETS
from payment_dr.core.settings import Settings
from payment_dr.infra.aws_limits import problems
from payment_dr.infra.place import Place


def own(part: str = "", **values: Any) -> Settings:
    """Settings of somebody's own domain, some values of one part replaced."""
    settings = deployed()
    dns = settings.dns.model_copy(
        update={"zone": "payments.acme.com", "name": "api.payments.acme.com"}
    )
    settings = settings.model_copy(update={"dns": dns})
    if not part:
        return settings.model_copy(update=dict(values))
    return settings.model_copy(
        update={part: getattr(settings, part).model_copy(update=dict(values))}
    )


def only(settings: Settings) -> str:
    """The one problem of settings."""
    found = problems(settings)
    assert len(found) == 1, found
    return found[0]


def test_the_production_example_lacks_nothing_but_a_domain() -> None:
    assert only(deployed()).startswith("dns.zone 'payments.example' is reserved")
    assert problems(own()) == []


@pytest.mark.parametrize("zone", ["pay.example.com", "x.example", "pay.test", "pay.internal"])
def test_a_domain_that_nobody_can_have_is_refused(zone: str) -> None:
    assert "name a domain of yours" in only(own("dns", zone=zone, name=f"api.{zone}"))


@pytest.mark.parametrize("zone", ["example-pay.com", "myexample.com", "contest.org"])
def test_a_domain_that_only_sounds_like_it_is_taken(zone: str) -> None:
    assert problems(own("dns", zone=zone, name=f"api.{zone}")) == []


@pytest.mark.parametrize("interval_s", [1, 15, 60])
def test_route_53_probes_every_10_or_30_seconds(interval_s: float) -> None:
    assert "Route 53 probes every 10 or 30 s" in only(own("probes", interval_s=interval_s))


def test_a_name_too_long_for_a_certificate_is_refused() -> None:
    name = f"{'a' * 50}.payments.acme.com"
    assert "a certificate takes 64" in only(own("dns", name=name))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"account_id": "0" * 12}, "is nobody's"),
        ({"log_retention_days": 100}, "CloudWatch takes 1, 3, 5, 7"),
        ({"engine_version": "16.7"}, "from 16.8 on"),
        ({"engine_version": "15.12"}, "from 16.8 on"),
        ({"engine_version": "17.5"}, "from 16.8 on"),
        ({"engine_version": "16"}, "from 16.8 on"),
        ({"instance_class": "db.t4g.medium"}, "none of db.t"),
        ({"instance_class": "db.serverless"}, "no db.serverless"),
        ({"provisioned_concurrency": 101}, "exceeds reserved_concurrency 100"),
    ],
)
def test_what_aws_does_not_take_is_refused_with_what_it_takes(
    value: dict[str, Any], said: str
) -> None:
    line = only(own("deployment", **value))
    assert said in line
    assert str(next(iter(value.values()))) in line


@pytest.mark.parametrize(
    "value",
    [
        {"log_retention_days": 3653},
        {"engine_version": "16.10"},
        {"instance_class": "db.x2g.2xlarge"},
        {"provisioned_concurrency": 100},
    ],
)
def test_what_aws_takes_is_taken(value: dict[str, Any]) -> None:
    assert problems(own("deployment", **value)) == []


@pytest.mark.parametrize("region", sorted(set[str]().union(*MRSC_REGION_SETS)))
def test_every_region_that_the_table_may_span_has_three_known_zones(
    settings: Settings, region: str
) -> None:
    site = settings.sites[0].model_copy(update={"region": region})
    zones = Place(settings=settings, site=site).zones
    assert len(set(zones)) == 3
    assert all(zone.startswith(region) for zone in zones)


def test_tokyo_has_no_zone_b_for_accounts_of_today(settings: Settings) -> None:
    site = settings.sites[0].model_copy(update={"region": "ap-northeast-1"})
    assert Place(settings=settings, site=site).zones == (
        "ap-northeast-1a",
        "ap-northeast-1c",
        "ap-northeast-1d",
    )
