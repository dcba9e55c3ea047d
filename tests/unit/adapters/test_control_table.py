"""How the control table takes DynamoDB's refusals; what works is tested against the lab's."""

from typing import Any

import pytest

from fakes.planned_client import PlannedClient, refusal
from fakes.recovery_world import STEADY_AT_EAST
from payment_dr.adapters.control_table import (
    DynamoControlTable,
    control_item,
    control_of,
)
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.recovery.ports import Transition, TransitionEvent

CONFLICT = refusal("ReplicatedWriteConflictException")
LOST_RACE = refusal("ConditionalCheckFailedException")
LINE = Transition(
    move_id="m1", step="route", event=TransitionEvent.BEGAN, detail="", by="ada", at=1.0
)


def table(*planned: Any) -> tuple[DynamoControlTable, PlannedClient]:
    client = PlannedClient(*planned)
    fake: Any = client
    return DynamoControlTable(fake, "payments"), client


def test_the_control_record_is_the_same_after_a_round_trip() -> None:
    assert control_of(control_item(STEADY_AT_EAST)) == STEADY_AT_EAST


def test_the_first_control_record_is_written_where_there_is_none() -> None:
    control, client = table({})
    assert control.create(STEADY_AT_EAST)
    assert len(client.calls) == 1
    action, request = client.calls[0]
    assert (action, request["ConditionExpression"]) == (
        "put_item",
        "attribute_not_exists(payment_id)",
    )
    assert control_of(request["Item"]) == STEADY_AT_EAST


def test_a_control_record_that_is_there_stays() -> None:
    control, _ = table(LOST_RACE)
    assert not control.create(STEADY_AT_EAST)


def test_a_write_that_conflicts_with_the_other_region_is_tried_again() -> None:
    control, client = table(CONFLICT, CONFLICT, {})
    assert control.compare_and_set(STEADY_AT_EAST, based_on=0)
    assert len(client.calls) == 3


def test_a_conflict_that_does_not_end_is_in_doubt_and_no_lost_race() -> None:
    control, client = table(CONFLICT)
    with pytest.raises(UnavailableError, match="kept getting in the way") as caught:
        control.compare_and_set(STEADY_AT_EAST, based_on=0)
    assert not caught.value.definite
    assert len(client.calls) == 8


def test_a_lost_race_is_told_at_once() -> None:
    control, client = table(LOST_RACE)
    assert not control.compare_and_set(STEADY_AT_EAST, based_on=0)
    assert len(client.calls) == 1


def test_a_write_without_an_answer_is_in_doubt() -> None:
    control, _ = table(refusal("InternalServerError", 500))
    with pytest.raises(UnavailableError) as caught:
        control.compare_and_set(STEADY_AT_EAST, based_on=0)
    assert not caught.value.definite


def test_a_full_run_log_takes_no_more_and_stops_nobody() -> None:
    control, client = table(LOST_RACE)
    control.log((LINE,))
    assert len(client.calls) == 1


def test_a_table_without_a_control_record_says_so() -> None:
    control, _ = table({})
    with pytest.raises(PaymentDrError, match="has no control record"):
        control.read()


def test_a_move_that_never_was_has_an_empty_run_log() -> None:
    control, _ = table({})
    assert not control.run_log("m9")
