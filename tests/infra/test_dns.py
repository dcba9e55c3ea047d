"""How Route 53 decides on an answer: probes, the takeover switch, records that never change."""

from typing import Any

import pytest

from infra.synthesized import StackJson, resources, synthesize_at, the, the_name
from payment_dr.core.settings import Settings
from payment_dr.infra.constructs.dns import FailoverRecords, FailoverRecordsProps
from payment_dr.infra.constructs.health_checks import (
    HomeHealth,
    HomeHealthProps,
    SiteHealth,
    SiteHealthProps,
)
from payment_dr.infra.constructs.takeover import TakeoverProps, TakeoverSwitch
from payment_dr.infra.place import Place

CHECK = "aws_route53_health_check"


@pytest.fixture(scope="module", name="stack")
def made_stack(home: Place, peer: Place) -> StackJson:
    def build(stack: Any) -> None:
        at_home = SiteHealth(stack, "home", SiteHealthProps(place=home))
        at_peer = SiteHealth(stack, "peer", SiteHealthProps(place=peer))
        switch = TakeoverSwitch(stack, "takeover", TakeoverProps(peer=peer))
        answers = HomeHealth(
            stack,
            "answers",
            HomeHealthProps(
                place=home,
                endpoint_id=at_home.health_check_id,
                not_raised_id=switch.health_check_id,
            ),
        )
        FailoverRecords(
            stack,
            "failover",
            FailoverRecordsProps(
                home=home,
                peer=peer,
                zone_id="Z1",
                home_check_id=answers.health_check_id,
                peer_check_id=at_peer.health_check_id,
            ),
        )

    return synthesize_at(home, build)


def check_id(stack: StackJson, **arguments: object) -> str:
    """Reference to the one health check with these arguments."""
    return f"${{{CHECK}.{the_name(stack, CHECK, **arguments)}.id}}"


def test_each_site_is_probed_under_its_own_name_as_often_as_settings_say(
    stack: StackJson, settings: Settings
) -> None:
    for site in settings.sites:
        check = the(stack, CHECK, fqdn=settings.domain(site.name), resource_path="/health")
        assert (check["type"], check["port"]) == ("HTTPS", 443)
        assert check["request_interval"] == settings.probes.interval_s
        assert check["failure_threshold"] == settings.probes.threshold
        assert check["enable_sni"] is True
        assert check["measure_latency"] is True
        # Probes of few regions could all lie in the one that is lost.
        assert "regions" not in check


def test_home_is_answered_while_its_endpoint_is_healthy_and_nobody_raises_the_switch(
    stack: StackJson, settings: Settings
) -> None:
    calculated = the(stack, CHECK, type="CALCULATED")
    endpoint = check_id(stack, fqdn=settings.domain(settings.home))
    assert calculated["child_healthchecks"] == [
        endpoint,
        check_id(stack, resource_path="/takeover"),
    ]
    assert calculated["child_health_threshold"] == 2
    assert "invert_healthcheck" not in calculated


def test_the_switch_is_what_the_other_site_says_as_often_asked_as_its_health(
    stack: StackJson, settings: Settings, peer: Place
) -> None:
    switch = the(stack, CHECK, resource_path="/takeover")
    health = the(stack, CHECK, resource_path="/health", fqdn=settings.domain(peer.site.name))
    for same in ("type", "fqdn", "port", "enable_sni", "request_interval", "failure_threshold"):
        assert switch[same] == health[same], same
    assert "regions" not in switch


def test_a_site_that_is_gone_or_cannot_tell_has_not_raised_it(stack: StackJson) -> None:
    """Route 53 takes whatever is not an answer of 200 to 399 for unhealthy, which is inverted."""
    assert the(stack, CHECK, resource_path="/takeover")["invert_healthcheck"] is True
    for health in resources(stack, CHECK).values():
        if health.get("resource_path") != "/takeover":
            assert "invert_healthcheck" not in health


def test_between_the_control_record_and_the_answer_lies_no_alarm(stack: StackJson) -> None:
    """Route 53 follows alarms of 60 s periods only: two minutes, where probes take half a one."""
    assert not resources(stack, "aws_cloudwatch_metric_alarm")
    assert {check["type"] for check in resources(stack, CHECK).values()} == {"HTTPS", "CALCULATED"}


def test_both_answers_are_made_beforehand_with_a_time_to_live_of_their_own(
    stack: StackJson, settings: Settings
) -> None:
    records = resources(stack, "aws_route53_record").values()
    assert len(records) == 2
    for record in records:
        assert (record["type"], record["name"]) == ("CNAME", settings.dns.name)
        assert record["ttl"] == settings.dns.ttl_s
        assert record["records"] == [settings.domain(record["set_identifier"])]


def test_home_is_the_first_answer_and_each_answer_has_its_check(
    stack: StackJson, home: Place, peer: Place, settings: Settings
) -> None:
    first = the(stack, "aws_route53_record", set_identifier=home.site.name)
    second = the(stack, "aws_route53_record", set_identifier=peer.site.name)
    assert first["failover_routing_policy"] == {"type": "PRIMARY"}
    assert second["failover_routing_policy"] == {"type": "SECONDARY"}
    assert first["health_check_id"] == check_id(stack, type="CALCULATED")
    assert second["health_check_id"] == check_id(
        stack, fqdn=settings.domain(peer.site.name), resource_path="/health"
    )


def test_a_site_keeps_its_name_whoever_is_home(home: Place, peer: Place) -> None:
    swapped = home.settings.model_copy(update={"home": peer.site.name})
    moved = Place(settings=swapped, site=home.site)
    stack = synthesize_at(moved, lambda stack: SiteHealth(stack, "x", SiteHealthProps(place=moved)))
    assert the(stack, CHECK)["fqdn"] == "east.api.payments.example"
