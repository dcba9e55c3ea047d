import json
import re
from collections import Counter
from typing import Any

import pytest

from infra.surroundings import MESSAGES_KEY
from infra.synthesized import Body, StackJson, deployed, resources, statements, synthesize_at, the
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.infra.alarm import Alarm, Row
from payment_dr.infra.alarm_definitions import COMPOSITES, alarms
from payment_dr.infra.constructs.monitoring import MonitoringProps, SiteMonitoring
from payment_dr.infra.place import Place, places

API_ID = "a1b2c3"
ROLES = ("primary", "secondary", "active", "standby")
MADE = {place.site.name: place for place in places(deployed())}


@pytest.fixture(scope="module", params=MADE, name="place")
def made_place(request: pytest.FixtureRequest) -> Place:
    found: Place = MADE[request.param]
    return found


@pytest.fixture(scope="module", name="stack")
def made_stack(place: Place) -> StackJson:
    props = MonitoringProps(place=place, api_id=API_ID, messages_key_arn=MESSAGES_KEY)
    return synthesize_at(place, lambda made: SiteMonitoring(made, "monitoring", props))


@pytest.fixture(scope="module", name="board")
def made_board(stack: StackJson) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(the(stack, "aws_cloudwatch_dashboard")["dashboard_body"])
    return found


def all_alarms(stack: StackJson) -> list[Body]:
    kinds = ("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm")
    return [body for kind in kinds for body in resources(stack, kind).values()]


def topic(stack: StackJson) -> str:
    [name] = resources(stack, "aws_sns_topic")
    return f"${{aws_sns_topic.{name}.arn}}"


def made(stack: StackJson, place: Place, alarm: Alarm) -> Body:
    return the(stack, "aws_cloudwatch_metric_alarm", alarm_name=place.name(alarm.name))


def test_every_alarm_tells_people_when_it_is_raised_and_when_it_is_over(
    stack: StackJson,
) -> None:
    for body in all_alarms(stack):
        assert body["alarm_actions"] == [topic(stack)], body["alarm_name"]
        assert body["ok_actions"] == [topic(stack)], body["alarm_name"]
        assert body.get("actions_enabled", True) is True


def test_every_definition_is_deployed_as_it_is_written(stack: StackJson, place: Place) -> None:
    defined = alarms(place, api_id=API_ID)
    assert len(resources(stack, "aws_cloudwatch_metric_alarm")) == len(defined)
    for alarm in defined:
        body = made(stack, place, alarm)
        assert body["threshold"] == alarm.threshold
        assert body["comparison_operator"] == alarm.comparison
        assert body["evaluation_periods"] == alarm.window.periods
        assert body["datapoints_to_alarm"] == alarm.window.datapoints
        assert body["treat_missing_data"] == alarm.missing
        assert body["alarm_description"] == alarm.description


def test_an_alarm_watches_one_series_of_this_site(stack: StackJson, place: Place) -> None:
    plain = [one for one in alarms(place, api_id=API_ID) if one.percent_of is None]
    for alarm in plain:
        body = made(stack, place, alarm)
        assert (body["namespace"], body["metric_name"]) == (
            alarm.series.namespace,
            alarm.series.metric,
        )
        assert body["period"] == alarm.window.period_s
        assert ("statistic" in body) is ("extended_statistic" not in body)
        name, *others = body["dimensions"].values()
        assert place.site.name in name or name == API_ID
        # What a replica lags behind is in the other region.
        assert others == ([place.peer.region] if "-lag" in alarm.name else [])


def test_a_rate_of_errors_is_errors_over_requests_and_nothing_without_requests(
    stack: StackJson, place: Place
) -> None:
    body = the(stack, "aws_cloudwatch_metric_alarm", alarm_name=place.name("api-errors"))
    shown = [query for query in body["metric_query"] if query["return_data"]]
    [percent] = shown
    assert percent["expression"] == "IF(whole > 0, 100 * part / whole, 0)"
    named = {query["id"]: query["metric"] for query in body["metric_query"] if "metric" in query}
    assert (named["part"]["metric_name"], named["part"]["stat"]) == ("5xx", "Sum")
    assert (named["whole"]["metric_name"], named["whole"]["stat"]) == ("Count", "Sum")
    assert {"metric_name", "statistic", "period"}.isdisjoint(body)


def test_a_percentile_is_not_told_of_a_handful_of_requests(stack: StackJson, place: Place) -> None:
    body = the(stack, "aws_cloudwatch_metric_alarm", alarm_name=place.name("api-latency"))
    assert body["extended_statistic"] == "p99"
    assert body["evaluate_low_sample_count_percentiles"] == "ignore"


def test_every_function_has_an_alarm_for_its_errors(place: Place) -> None:
    watched = {
        dict(one.series.dimensions)["FunctionName"]
        for one in alarms(place, api_id=API_ID)
        if one.series.metric == "Errors"
    }
    assert watched == {place.name(one.name) for one in FUNCTIONS}


def test_an_alarm_of_alarms_follows_alarms_that_exist_and_are_made_before_it(
    stack: StackJson, place: Place
) -> None:
    names = {one.name for one in alarms(place, api_id=API_ID)}
    for composite in COMPOSITES:
        assert set(composite.children) <= names
        body = the(stack, "aws_cloudwatch_composite_alarm", alarm_name=place.name(composite.name))
        followed = re.findall(r'ALARM\("([^"]+)"\)', body["alarm_rule"])
        assert followed == [place.name(name) for name in composite.children]
        assert len(body["depends_on"]) == len(followed)


def test_a_machine_is_started_only_when_the_other_site_is_lost_and_nobody_here_looks(
    stack: StackJson, place: Place
) -> None:
    body = the(stack, "aws_cloudwatch_composite_alarm", alarm_name=place.name("peer-unhealthy"))
    assert body["alarm_rule"] == (
        f'ALARM("{place.name("peer-lost")}") AND ALARM("{place.name("watcher-silent")}")'
    )


def test_any_alarm_of_what_clients_feel_makes_the_site_unhealthy(
    stack: StackJson, place: Place
) -> None:
    body = the(stack, "aws_cloudwatch_composite_alarm", alarm_name=place.name("site-unhealthy"))
    assert f'ALARM("{place.name("api-errors")}") OR ' in body["alarm_rule"]
    assert " AND " not in body["alarm_rule"]


def test_no_name_says_a_role_of_the_moment(stack: StackJson) -> None:
    named = [body["alarm_name"] for body in all_alarms(stack)]
    named += [body["name"] for body in resources(stack, "aws_sns_topic").values()]
    for kind in stack["resource"].values():
        named += kind
    for name in named:
        assert not any(role in name.lower() for role in ROLES), name


def test_names_of_alarms_are_unique(stack: StackJson) -> None:
    counted = Counter(body["alarm_name"] for body in all_alarms(stack))
    assert max(counted.values()) == 1


def test_the_topic_is_sealed_and_mailed_to_everybody_whom_the_settings_name(
    stack: StackJson, place: Place
) -> None:
    assert the(stack, "aws_sns_topic")["kms_master_key_id"] == MESSAGES_KEY
    subscription = the(stack, "aws_sns_topic_subscription")
    assert subscription["protocol"] == "email"
    assert subscription["endpoint"] == place.settings.deployment.alarm_emails[0]


def test_nobody_but_alarms_and_rules_of_this_account_publishes(
    stack: StackJson, place: Place
) -> None:
    allowed = statements(the(stack, "aws_sns_topic_policy")["policy"])
    assert allowed.pop("OnlyTls")["Effect"] == "Deny"
    alarmed = allowed.pop("AlarmsOfThisAccount")
    assert alarmed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert alarmed["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    told = allowed.pop("EventsOfTheOtherSite")
    assert told["Principal"] == {"Service": "events.amazonaws.com"}
    assert place.name("events") in str(told["Condition"])
    assert not allowed


def test_the_dashboard_shows_every_alarm_first_then_a_row_for_each_concern(
    board: dict[str, Any], stack: StackJson, place: Place
) -> None:
    states, *below = board["widgets"]
    shown = {arn.rsplit(":", 1)[-1] for arn in states["properties"]["alarms"]}
    assert shown == {body["alarm_name"] for body in all_alarms(stack)}
    titles = [one["properties"]["markdown"] for one in below if one["type"] == "text"]
    assert titles == [f"## {row.value}" for row in Row]
    assert place.name("overview") == the(stack, "aws_cloudwatch_dashboard")["dashboard_name"]


def test_every_series_that_has_an_alarm_is_drawn_with_its_threshold(
    board: dict[str, Any], place: Place
) -> None:
    charts = [one["properties"] for one in board["widgets"] if one["type"] == "metric"]
    lines = {tuple(line[:-1]) for chart in charts for line in chart["metrics"] if len(line) > 1}
    thresholds = {line["value"] for chart in charts for line in chart["annotations"]["horizontal"]}
    for alarm in alarms(place, api_id=API_ID):
        dimensions = [text for pair in alarm.series.dimensions for text in pair]
        assert (alarm.series.namespace, alarm.series.metric, *dimensions) in lines
        assert alarm.threshold in thresholds
    assert {chart["region"] for chart in charts} == {place.site.region}


def test_charts_do_not_overlap_and_stay_inside(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in board["widgets"]:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert max(x for x, _ in cells) < 24
        assert taken.isdisjoint(cells), widget["properties"]
        taken |= cells
