"""What happens at one site is told at the other one, and nothing else gets there."""

import json

import pytest

from infra.synthesized import StackJson, resources, statements, synthesize_at, the, the_name
from payment_dr.infra.constructs.events import EventsProps, SiteEvents
from payment_dr.infra.constructs.topic import SiteTopic, TopicProps, topic_arn
from payment_dr.infra.place import Place

RULE = "aws_cloudwatch_event_rule"
TARGET = "aws_cloudwatch_event_target"


@pytest.fixture(scope="module", name="stack")
def made_stack(home: Place, peer: Place) -> StackJson:
    props = EventsProps(home=home, peer=peer)
    return synthesize_at(home, lambda stack: SiteEvents(stack, "events", props))


def bus_arn(place: Place) -> str:
    """The bus on which the other site's events arrive."""
    return place.arn("events", f"event-bus/{place.name('events')}")


def pairs(home: Place, peer: Place) -> tuple[tuple[Place, Place], ...]:
    """Who tells whom."""
    return (home, peer), (peer, home)


def test_each_site_has_a_bus_in_its_own_region(stack: StackJson, home: Place, peer: Place) -> None:
    for place in (home, peer):
        bus = the(stack, "aws_cloudwatch_event_bus", name=place.name("events"))
        assert bus["region"] == place.site.region
    assert "aws_cloudwatch_event_bus_policy" not in stack["resource"]


@pytest.mark.parametrize("kind", ["alarms", "moves"])
def test_alarms_and_moves_go_to_the_other_sites_bus(
    stack: StackJson, home: Place, peer: Place, kind: str
) -> None:
    for place, to in pairs(home, peer):
        name = place.name(f"forward-{kind}")
        assert the(stack, RULE, name=name)["region"] == place.site.region
        rule = f"${{{RULE}.{the_name(stack, RULE, name=name)}.name}}"
        target = the(stack, TARGET, rule=rule)
        assert (target["arn"], target["region"]) == (bus_arn(to), place.site.region)


def test_only_this_sites_alarms_and_machine_are_told(
    stack: StackJson, home: Place, peer: Place
) -> None:
    for place, _ in pairs(home, peer):
        alarms = json.loads(the(stack, RULE, name=place.name("forward-alarms"))["event_pattern"])
        assert alarms["detail"]["alarmName"] == [{"wildcard": f"payments-*-{place.site.name}-prod"}]
        moves = json.loads(the(stack, RULE, name=place.name("forward-moves"))["event_pattern"])
        machine = place.arn("states", f"stateMachine:{place.name('recovery')}")
        assert moves["detail"]["stateMachineArn"] == [machine]


def test_old_news_are_dropped(stack: StackJson) -> None:
    forwards = [t for t in resources(stack, TARGET).values() if "role_arn" in t]
    assert len(forwards) == 4
    for target in forwards:
        assert target["retry_policy"]["maximum_event_age_in_seconds"] == 3600


def test_a_sites_role_puts_events_on_the_other_bus_and_does_nothing_else(
    stack: StackJson, home: Place, peer: Place
) -> None:
    for place, to in pairs(home, peer):
        name = the_name(stack, "aws_iam_role", name=place.name("events"))
        policy = the(stack, "aws_iam_role_policy", role=f"${{aws_iam_role.{name}.id}}")
        (allowed,) = statements(policy["policy"]).values()
        assert allowed["Action"] == ["events:PutEvents"]
        assert allowed["Resource"] == [bus_arn(to)]
        trust = the(stack, "aws_iam_role", name=place.name("events"))["assume_role_policy"]
        condition = statements(trust)["Assume"]["Condition"]
        assert condition["StringEquals"] == {"aws:SourceAccount": "123456789012"}
        assert condition["ArnLike"] == {
            "aws:SourceArn": place.arn("events", f"rule/{place.name('forward-*')}")
        }


def topic_of(place: Place) -> StackJson:
    """The topic of the site's own stack."""
    props = TopicProps(place=place, key_arn="k")
    return synthesize_at(place, lambda stack: SiteTopic(stack, "x", props))


def test_what_arrives_is_told_to_people_by_a_topic_that_takes_it(
    stack: StackJson, home: Place, peer: Place
) -> None:
    for place in (home, peer):
        bus = the_name(stack, "aws_cloudwatch_event_bus", name=place.name("events"))
        on_bus = f"${{aws_cloudwatch_event_bus.{bus}.name}}"
        rule = the(stack, RULE, event_bus_name=on_bus)
        target = the(stack, TARGET, event_bus_name=on_bus)
        assert target["arn"] == topic_arn(place)

        topic = topic_of(place)
        policy = statements(the(topic, "aws_sns_topic_policy")["policy"])
        taken = policy["EventsOfTheOtherSite"]["Condition"]["ArnLike"]["aws:SourceArn"]
        arn = place.arn("events", f"rule/{place.name('events')}/{rule['name']}")
        assert arn.startswith(taken.removesuffix("*"))
