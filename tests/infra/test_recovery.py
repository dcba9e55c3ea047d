import json

import pytest

from infra.surroundings import DATA_KEY, DEAD_LETTERS, LOGS_KEY
from infra.synthesized import (
    Body,
    StackJson,
    deployed,
    resources,
    statements,
    synthesize_at,
    the,
    the_name,
)
from payment_dr.core.settings import Settings
from payment_dr.infra.constructs.recovery import RecoveryProps, SiteRecovery
from payment_dr.infra.permission_parts import UNAVOIDABLE
from payment_dr.infra.place import Place, places
from payment_dr.recovery.execution import MACHINE_INPUT
from payment_dr.recovery.state_machine import definition, input_from_alarm

FUNCTION = "arn:aws:lambda:::function:recovery:live"
MADE = {place.site.name: place for place in places(deployed())}


def synthesized(place: Place) -> StackJson:
    paths, template = input_from_alarm(place.settings, site=place.site.name)
    props = RecoveryProps(
        place=place,
        definition=definition(place.settings, function_arn=FUNCTION),
        start_paths=paths,
        start_template=template,
        function_arn=FUNCTION,
        alarm_name=place.name("peer-unhealthy"),
        data_key_arn=DATA_KEY,
        logs_key_arn=LOGS_KEY,
        dead_letters_arn=DEAD_LETTERS,
    )
    return synthesize_at(place, lambda made: SiteRecovery(made, "recovery", props))


@pytest.fixture(scope="module", params=MADE, name="place")
def made_place(request: pytest.FixtureRequest) -> Place:
    found: Place = MADE[request.param]
    return found


@pytest.fixture(scope="module", name="stack")
def made_stack(place: Place) -> StackJson:
    return synthesized(place)


def policy(stack: StackJson, role: str, name: str) -> dict[str, Body]:
    taken = f"${{aws_iam_role.{the_name(stack, 'aws_iam_role', name=role)}.name}}"
    return statements(the(stack, "aws_iam_role_policy", role=taken, name=name)["policy"])


def machine(stack: StackJson) -> Body:
    return the(stack, "aws_sfn_state_machine")


def test_nothing_of_a_site_s_recovery_names_the_other_region(
    stack: StackJson, place: Place
) -> None:
    assert place.site.region in json.dumps(stack)
    assert place.peer.region not in json.dumps(stack)
    assert place.settings.witness_region not in json.dumps(stack)


def test_the_machine_runs_the_plans_own_definition(stack: StackJson, place: Place) -> None:
    made = machine(stack)
    assert made["name"] == place.name("recovery")
    assert made["type"] == "STANDARD"
    assert json.loads(made["definition"]) == definition(place.settings, function_arn=FUNCTION)


def test_every_transition_is_logged_without_its_data_traced_and_sealed(
    stack: StackJson, place: Place
) -> None:
    made = machine(stack)
    name = f"/aws/vendedlogs/states/{place.name('recovery')}"
    group = the_name(stack, "aws_cloudwatch_log_group", name=name)
    assert made["logging_configuration"] == {
        "level": "ALL",
        "include_execution_data": False,
        "log_destination": f"${{aws_cloudwatch_log_group.{group}.arn}}:*",
    }
    assert made["tracing_configuration"] == {"enabled": True}
    assert made["encryption_configuration"]["kms_key_id"] == DATA_KEY
    kept = resources(stack, "aws_cloudwatch_log_group")[group]
    assert (kept["retention_in_days"], kept["kms_key_id"]) == (365, LOGS_KEY)


def test_the_machine_calls_one_function_and_no_other_service(
    stack: StackJson, place: Place
) -> None:
    calls = policy(stack, place.name("machine"), "calls")
    assert calls["RunSteps"]["Action"] == ["lambda:InvokeFunction"]
    assert calls["RunSteps"]["Resource"] == [FUNCTION]
    assert set(calls) == {"RunSteps", "DeliverLogs", "Trace"}
    everywhere = {*calls["DeliverLogs"]["Action"], *calls["Trace"]["Action"]}
    assert everywhere <= set(UNAVOIDABLE)
    assert {one for one in UNAVOIDABLE if one.startswith("logs:")} <= everywhere


def test_the_machine_opens_its_own_executions_and_seals_its_log(
    stack: StackJson, place: Place
) -> None:
    keys = policy(stack, place.name("machine"), "keys")
    own = place.arn("states", f"stateMachine:{place.name('recovery')}")
    assert own in json.dumps(keys["Executions"]["Condition"])
    assert keys["DeliveredLogs"]["Action"] == ["kms:GenerateDataKey"]
    assert all(one["Resource"] == [DATA_KEY] for one in keys.values())


def test_each_role_is_taken_by_one_service_for_one_thing(stack: StackJson, place: Place) -> None:
    expected = {
        "machine": ("states.amazonaws.com", f"stateMachine:{place.name('recovery')}"),
        "start-recovery": ("events.amazonaws.com", f"rule/{place.name('start-recovery')}"),
    }
    for thing, (service, source) in expected.items():
        role = the(stack, "aws_iam_role", name=place.name(thing))
        trusted = statements(role["assume_role_policy"])["Assume"]
        assert trusted["Principal"] == {"Service": service}
        assert trusted["Condition"]["ArnLike"]["aws:SourceArn"].endswith(source)


def test_the_rule_starts_this_site_s_machine_by_an_alarm_of_this_region(
    stack: StackJson, place: Place
) -> None:
    rule = the(stack, "aws_cloudwatch_event_rule")
    pattern = json.loads(rule["event_pattern"])
    alarm = place.arn("cloudwatch", f"alarm:{place.name('peer-unhealthy')}")
    assert pattern["resources"] == [alarm]
    assert pattern["detail"] == {"state": {"value": ["ALARM"]}}
    assert rule["state"] == "ENABLED"
    target = the(stack, "aws_cloudwatch_event_target")
    started = the_name(stack, "aws_sfn_state_machine")
    assert target["arn"] == f"${{aws_sfn_state_machine.{started}.arn}}"


def test_what_the_alarm_starts_is_a_failover_to_this_site(stack: StackJson, place: Place) -> None:
    transformed = the(stack, "aws_cloudwatch_event_target")["input_transformer"]
    text = transformed["input_template"]
    for name in transformed["input_paths"]:
        text = text.replace(f"<{name}>", name)
    move = MACHINE_INPUT.validate_json(text).move
    assert (move.kind, move.source, move.target) == (
        "failover",
        place.peer.name,
        place.site.name,
    )


def test_a_start_that_fails_is_tried_for_minutes_and_kept(stack: StackJson) -> None:
    target = the(stack, "aws_cloudwatch_event_target")
    assert target["retry_policy"] == {
        "maximum_event_age_in_seconds": 300,
        "maximum_retry_attempts": 10,
    }
    assert target["dead_letter_config"] == {"arn": DEAD_LETTERS}


def test_the_rule_may_start_the_machine_and_nothing_else(stack: StackJson, place: Place) -> None:
    calls = policy(stack, place.name("start-recovery"), "calls")
    assert set(calls) == {"StartMove"}
    assert calls["StartMove"]["Action"] == ["states:StartExecution"]
    assert calls["StartMove"]["Resource"] == [
        place.arn("states", f"stateMachine:{place.name('recovery')}")
    ]


def test_where_only_people_decide_the_rule_is_off(settings: Settings) -> None:
    failover = settings.failover.model_copy(update={"automatic": False})
    place = places(settings.model_copy(update={"failover": failover}))[0]
    assert the(synthesized(place), "aws_cloudwatch_event_rule")["state"] == "DISABLED"
