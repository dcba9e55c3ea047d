"""How Route 53 decides on an answer: probes, the takeover switch, records that never change."""

from typing import Any

import pytest

from infra.synthesized import Body, StackJson, resources, synthesize_at, the, the_name
from payment_dr.adapters.cloudwatch_switch import TakeoverSwitch as Published
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.infra.constructs.dns import FailoverRecords, FailoverRecordsProps
from payment_dr.infra.constructs.health_checks import (
    HomeHealth,
    HomeHealthProps,
    SiteHealth,
    SiteHealthProps,
)
from payment_dr.infra.constructs.takeover import PERIOD_S, TakeoverProps, TakeoverSwitch
from payment_dr.infra.place import Place

CHECK = "aws_route53_health_check"
TOPIC = "arn:aws:sns:us-west-2:123456789012:payments-alarms-west-prod"


@pytest.fixture(scope="module", name="stack")
def made_stack(home: Place, peer: Place) -> StackJson:
    def build(stack: Any) -> None:
        at_home = SiteHealth(stack, "home", SiteHealthProps(place=home))
        at_peer = SiteHealth(stack, "peer", SiteHealthProps(place=peer))
        switch = TakeoverSwitch(
            stack, "takeover", TakeoverProps(home=home, peer=peer, topic_arn=TOPIC)
        )
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
        check = the(stack, CHECK, fqdn=settings.domain(site.name))
        assert (check["type"], check["port"], check["resource_path"]) == ("HTTPS", 443, "/health")
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
        check_id(stack, type="CLOUDWATCH_METRIC"),
    ]
    assert calculated["child_health_threshold"] == 2
    assert "invert_healthcheck" not in calculated


def test_the_switch_lies_in_the_region_that_survives_home(
    stack: StackJson, home: Place, peer: Place
) -> None:
    alarm = the(stack, "aws_cloudwatch_metric_alarm")
    assert alarm["region"] == peer.site.region != home.site.region
    check = the(stack, CHECK, type="CLOUDWATCH_METRIC")
    assert check["cloudwatch_alarm_region"] == peer.site.region


def test_nobody_publishing_and_a_region_that_is_gone_mean_that_it_is_not_raised(
    stack: StackJson,
) -> None:
    alarm = the(stack, "aws_cloudwatch_metric_alarm")
    assert alarm["treat_missing_data"] == "notBreaching"
    check = the(stack, CHECK, type="CLOUDWATCH_METRIC")
    assert check["insufficient_data_health_status"] == "Healthy"
    # An alarm is unhealthy while raised by itself: nothing is inverted on the way.
    assert "invert_healthcheck" not in check


def test_route_53_follows_the_alarm_at_all_which_excludes_high_resolution(
    stack: StackJson,
) -> None:
    alarm = the(stack, "aws_cloudwatch_metric_alarm")
    assert alarm["period"] == PERIOD_S == 60
    assert alarm["statistic"] == "Maximum"
    assert "metric_query" not in alarm
    assert "extended_statistic" not in alarm


class Metrics:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []

    def put_metric_data(self, **arguments: Any) -> None:
        self.published.append(arguments)


def breaches(alarm: Body, published: dict[str, Any]) -> bool:
    """Whether a datapoint that was published raises the alarm."""
    (datum,) = published["MetricData"]
    assert alarm["comparison_operator"] == "GreaterThanOrEqualToThreshold"
    return bool(
        published["Namespace"] == alarm["namespace"]
        and datum["MetricName"] == alarm["metric_name"]
        and {d["Name"]: d["Value"] for d in datum["Dimensions"]} == alarm["dimensions"]
        and datum["Value"] >= alarm["threshold"]
    )


def test_what_the_watcher_publishes_turns_it_and_nothing_else_does(
    stack: StackJson, home: Place, peer: Place
) -> None:
    alarm = the(stack, "aws_cloudwatch_metric_alarm")
    client = Metrics()
    for site, raised in ((home, True), (home, False), (peer, True)):
        switch = Published(client, home=SiteName(site.site.name))  # type: ignore[arg-type] # a double
        switch.publish(raised=raised)
    assert [breaches(alarm, one) for one in client.published] == [True, False, False]


def test_people_hear_when_the_switch_is_turned(stack: StackJson) -> None:
    alarm = the(stack, "aws_cloudwatch_metric_alarm")
    assert alarm["alarm_actions"] == alarm["ok_actions"] == [TOPIC]


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
    assert second["health_check_id"] == check_id(stack, fqdn=settings.domain(peer.site.name))


def test_a_site_keeps_its_name_whoever_is_home(home: Place, peer: Place) -> None:
    swapped = home.settings.model_copy(update={"home": peer.site.name})
    moved = Place(settings=swapped, site=home.site)
    stack = synthesize_at(moved, lambda stack: SiteHealth(stack, "x", SiteHealthProps(place=moved)))
    assert the(stack, CHECK)["fqdn"] == "east.api.payments.example"
