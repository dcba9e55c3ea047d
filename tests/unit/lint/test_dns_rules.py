"""PDR3xx beyond the examples: routing policies, calculated checks, and who may change records."""

from typing import Any

import pytest

from fakes.linting import VPCS, judged, texts

Item = tuple[str, str, dict[str, Any]]
TARGET = "east.execute-api.us-east-1.amazonaws.com"


def record(place: str, **arguments: Any) -> Item:
    given = {"name": "api.example", "type": "CNAME", "records": [TARGET], "set_identifier": place}
    return "aws_route53_record", place, {**given, **arguments}


def role(kind: str) -> dict[str, Any]:
    return {"failover_routing_policy": [{"type": kind}]}


def problems(*records: Item) -> list[str]:
    return texts(judged("PDR301", *VPCS, *records))


def test_one_site_has_nowhere_to_go() -> None:
    assert texts(judged("PDR301", VPCS[0], record("only"))) == []


def test_records_that_lead_elsewhere_are_left_alone() -> None:
    mail = record("mail", records=["mail.example"])
    assert problems(mail) == []


def test_a_primary_needs_its_counterpart() -> None:
    assert problems(record("east", **role("PRIMARY"), health_check_id="h")) == [
        "aws_route53_record.east (api.example) is PRIMARY without its counterpart"
    ]


def test_a_primary_needs_a_health_check() -> None:
    found = problems(record("east", **role("PRIMARY")), record("west", **role("SECONDARY")))
    (text,) = found
    assert "is PRIMARY without a health check: Route 53 never turns away from it" in text


WEIGHT = {"weighted_routing_policy": [{"weight": 1}]}
MANY = {"multivalue_answer_routing_policy": True}


@pytest.mark.parametrize("policy", [WEIGHT, MANY])
def test_records_that_are_routed_need_health_checks(policy: dict[str, Any]) -> None:
    checked = {**policy, "health_check_id": "${aws_route53_health_check.h.id}"}
    (found,) = problems(record("east", **checked), record("west", **policy))
    assert "is routed without a health check" in found
    assert problems(record("east", **checked), record("west", **checked)) == []


def test_a_name_of_one_site_is_fine_beside_one_that_moves() -> None:
    moving = [
        record("east", **role("PRIMARY"), health_check_id="h"),
        record("west", **role("SECONDARY")),
    ]
    own = record("own", name="east.api.example")
    assert problems(*moving, own) == []


def of_site(place: str) -> Item:
    """A site's own name, which leads to its API."""
    return record(f"own-{place}", name=f"{place}.api.example")


def led_by_name(place: str, **arguments: Any) -> Item:
    """An answer that is another record's name."""
    return record(place, records=[f"{place}.api.example."], **arguments)


def test_a_name_that_moves_may_answer_with_the_sites_own_names() -> None:
    moving = [
        led_by_name("east", **role("PRIMARY"), health_check_id="h"),
        led_by_name("west", **role("SECONDARY")),
    ]
    assert problems(*moving, of_site("east"), of_site("west")) == []


def test_an_answer_that_is_another_records_name_is_judged_like_any_other() -> None:
    found = problems(
        led_by_name("east", **role("PRIMARY")),
        led_by_name("west", **role("SECONDARY")),
        of_site("east"),
        of_site("west"),
    )
    assert "(api.example) is PRIMARY without a health check" in "".join(found)
    assert len(problems(led_by_name("east"), of_site("east"))) == 2


def test_the_target_of_an_alias_may_be_known_by_name() -> None:
    alias = {"alias": [{"name": "x.elb.us-east-1.amazonaws.com", "zone_id": "Z"}]}
    assert len(problems(record("a", records=[], **alias))) == 1


def check(name: str, **arguments: Any) -> Item:
    return "aws_route53_health_check", name, arguments


def slow(*resources: Item) -> list[str]:
    given = record("east", ttl=10, health_check_id="${aws_route53_health_check.h.id}")
    return [text.partition(" = ")[0] for text in texts(judged("PDR302", given, *resources))]


ALARM: Item = ("aws_cloudwatch_metric_alarm", "a", {"period": 60, "evaluation_periods": "2"})
BY_ALARM = check(
    "by_alarm",
    type="CLOUDWATCH_METRIC",
    cloudwatch_alarm_name="${aws_cloudwatch_metric_alarm.a.alarm_name}",
)


def test_probes_have_route_53s_defaults() -> None:
    assert slow(check("h", type="HTTPS")) == [
        "aws_route53_record.east moves after probes 30 s x 3 + TTL 10 s"
    ]


def test_a_calculated_check_counts_by_its_slowest_probe() -> None:
    calculated = check(
        "h",
        type="CALCULATED",
        child_healthchecks=[
            "${aws_route53_health_check.fast.id}",
            "${aws_route53_health_check.slow.id}",
            "${aws_route53_health_check.by_alarm.id}",
        ],
    )
    fast = check("fast", type="HTTPS", request_interval=10, failure_threshold=1)
    slowest = check("slow", type="HTTPS", request_interval=30, failure_threshold=2)
    assert slow(calculated, fast, slowest, BY_ALARM, ALARM) == [
        "aws_route53_record.east moves after probes 30 s x 2 + TTL 10 s"
    ]


def test_a_check_that_contains_itself_ends() -> None:
    itself = ["${aws_route53_health_check.h.id}"]
    assert slow(check("h", type="CALCULATED", child_healthchecks=itself)) == []


def test_a_check_of_an_alarm_counts_by_its_periods() -> None:
    calculated = check(
        "h", type="CALCULATED", child_healthchecks=["${aws_route53_health_check.by_alarm.id}"]
    )
    assert slow(calculated, BY_ALARM, ALARM) == [
        "aws_route53_record.east moves after probes 60 s x 2 + TTL 10 s"
    ]


def test_an_alarm_of_somewhere_else_is_not_counted() -> None:
    assert slow(check("h", type="CLOUDWATCH_METRIC", cloudwatch_alarm_name="x")) == []


def test_the_objective_decides() -> None:
    given = record("east", ttl=10, health_check_id="${aws_route53_health_check.h.id}")
    assert texts(judged("PDR302", given, check("h", type="HTTPS"), acceptance_s=100)) == []


def test_an_alias_to_a_load_balancer_may_follow_its_health() -> None:
    alias = {"alias": [{"name": "${aws_lb.b.dns_name}", "evaluate_target_health": True}]}
    assert texts(judged("PDR303", record("a", **alias), ("aws_lb", "b", {}))) == []


def test_a_machine_whose_policy_is_not_known_is_trusted() -> None:
    machine = ("aws_sfn_state_machine", "m", {"role_arn": "${aws_iam_role.r.arn}"})
    policy = ("aws_iam_role_policy", "p", {"role": "${aws_iam_role.r.id}", "policy": "${local.p}"})
    assert texts(judged("PDR304", machine, policy, ("aws_iam_role", "r", {}))) == []
