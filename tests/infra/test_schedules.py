import json

import pytest

from infra.surroundings import DEAD_LETTERS, MESSAGES_KEY
from infra.synthesized import (
    Body,
    StackJson,
    deployed,
    resources,
    statements,
    synthesize_at,
    the,
)
from payment_dr.functions.catalogue import FUNCTIONS, Every, Function, function
from payment_dr.functions.rotation import handler as rotation_handler
from payment_dr.functions.watcher import WATCH_EVENT
from payment_dr.infra.constructs.schedules import (
    EVENTS,
    SchedulesProps,
    SiteSchedules,
    expression,
)
from payment_dr.infra.place import Place, places

MADE = {place.site.name: place for place in places(deployed())}
SCHEDULED = [one for one in FUNCTIONS if one.every is not None]


@pytest.fixture(scope="module", params=MADE, name="place")
def made_place(request: pytest.FixtureRequest) -> Place:
    found: Place = MADE[request.param]
    return found


@pytest.fixture(scope="module", name="stack")
def made_stack(place: Place) -> StackJson:
    props = SchedulesProps(
        place=place,
        aliases={one.name: f"arn:{one.name}:live" for one in SCHEDULED},
        rotation_arn="arn:rotation",
        dead_letters_arn=DEAD_LETTERS,
        messages_key_arn=MESSAGES_KEY,
    )
    return synthesize_at(place, lambda made: SiteSchedules(made, "schedules", props))


def schedule(stack: StackJson, place: Place, one: Function) -> Body:
    return the(stack, "aws_scheduler_schedule", name=place.name(one.name))


def test_every_function_with_a_schedule_has_one_at_both_sites(
    stack: StackJson, place: Place
) -> None:
    found = {body["name"] for body in resources(stack, "aws_scheduler_schedule").values()}
    assert found == {place.name(one.name) for one in SCHEDULED}
    for one in SCHEDULED:
        target = schedule(stack, place, one)["target"]
        assert target["arn"] == f"arn:{one.name}:live"
        assert schedule(stack, place, one)["state"] == "ENABLED"


@pytest.mark.parametrize(
    ("every", "said"), [(Every.MINUTE, "rate(1 minute)"), (Every.FIVE_MINUTES, "rate(5 minutes)")]
)
def test_a_function_is_called_as_often_as_the_catalogue_says(every: Every, said: str) -> None:
    assert expression(every) == said


def test_a_call_that_is_late_is_dropped_for_the_next_one_and_kept(
    stack: StackJson, place: Place
) -> None:
    for one in SCHEDULED:
        body = schedule(stack, place, one)
        assert body["flexible_time_window"] == {"mode": "OFF"}
        assert body["target"]["retry_policy"]["maximum_event_age_in_seconds"] == 60
        assert body["target"]["dead_letter_config"] == {"arn": DEAD_LETTERS}


def test_the_watcher_is_asked_to_look_until_its_next_call(stack: StackJson, place: Place) -> None:
    asked = json.loads(schedule(stack, place, function("watcher"))["target"]["input"])
    assert asked == WATCH_EVENT == EVENTS["watcher"]
    assert json.loads(schedule(stack, place, function("poster"))["target"]["input"]) == {}


def test_the_scheduler_may_call_the_scheduled_aliases_and_no_other_function(
    stack: StackJson, place: Place
) -> None:
    calls = statements(the(stack, "aws_iam_role_policy", name="calls")["policy"])
    called = calls["CallFunctions"]
    assert called["Action"] == ["lambda:InvokeFunction"]
    assert set(called["Resource"]) == {
        place.arn("lambda", f"function:{place.name(one.name)}:live") for one in SCHEDULED
    }
    assert calls["SendDeadLetters"]["Resource"] == [place.arn("sqs", place.name("dead-letters"))]
    keys = statements(the(stack, "aws_iam_role_policy", name="keys")["policy"])
    assert keys["QueuesKey"]["Resource"] == [MESSAGES_KEY]


def test_only_the_schedules_of_this_site_take_the_role(stack: StackJson, place: Place) -> None:
    trusted = statements(the(stack, "aws_iam_role")["assume_role_policy"])["Assume"]
    assert trusted["Principal"] == {"Service": "scheduler.amazonaws.com"}
    group = place.arn("scheduler", f"schedule-group/{place.name('schedules')}")
    assert trusted["Condition"]["ArnLike"] == {"aws:SourceArn": group}
    assert trusted["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


def test_secrets_of_the_ledger_rotate_each_month_where_they_were_made(
    stack: StackJson, place: Place
) -> None:
    rotations = resources(stack, "aws_secretsmanager_secret_rotation").values()
    if not place.is_home:
        assert not rotations
        return
    assert {body["secret_id"] for body in rotations} == {
        "payments-ledger-prod",
        "payments-ledger-admin-prod",
    }
    for body in rotations:
        assert body["rotation_rules"] == {"automatically_after_days": 30}
        assert body["rotation_lambda_arn"] == "arn:rotation"
        # The first deployment has no users yet.
        assert body["rotate_immediately"] is False


def test_a_rotation_has_a_function_that_really_rotates() -> None:
    assert callable(rotation_handler)
    assert function("rotation").handler == "payment_dr.functions.rotation:handler"


def test_secrets_manager_of_this_account_may_call_the_rotation_at_both_sites(
    stack: StackJson,
) -> None:
    permission = the(stack, "aws_lambda_permission")
    assert permission["principal"] == "secretsmanager.amazonaws.com"
    assert permission["source_account"] == "123456789012"
    assert permission["function_name"] == "arn:rotation"
