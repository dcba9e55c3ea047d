"""PDR2xx beyond the examples: which tables are strong, and what gives payments away."""

from typing import Any

import pytest

from fakes.linting import WEST, judged, texts

STRONG = {"replica": [{"region_name": WEST, "consistency_mode": "STRONG"}]}
EVENTUAL = {"replica": [{"region_name": WEST}]}


def table(**arguments: Any) -> tuple[str, str, dict[str, Any]]:
    return "aws_dynamodb_table", "t", arguments


def test_a_local_index_on_a_strong_table_is_found() -> None:
    found = judged("PDR201", table(**STRONG, local_secondary_index=[{"name": "i"}]))
    assert texts(found) == [
        "aws_dynamodb_table.t has multi-Region strong consistency and a local secondary index"
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        {**EVENTUAL, "ttl": [{"enabled": True}], "local_secondary_index": [{"name": "i"}]},
        {**STRONG, "ttl": [{"enabled": False}]},
    ],
)
def test_what_an_eventual_table_may_have_is_not_found(arguments: dict[str, Any]) -> None:
    assert texts(judged("PDR201", table(**arguments))) == []


def test_transactions_beside_other_tables_are_fine() -> None:
    policy = (
        "aws_iam_role_policy",
        "p",
        {"policy": '{"Statement":{"Effect":"Allow","Action":"dynamodb:ConditionCheckItem"}}'},
    )
    assert texts(judged("PDR202", table(**EVENTUAL), policy)) == []


def test_a_policy_that_is_not_known_yet_holds_no_transactions() -> None:
    policy = ("aws_iam_role_policy", "p", {"policy": "${local.policy}"})
    assert texts(judged("PDR202", table(**STRONG), policy)) == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "payments"},
        {"name": "x", "attribute": [{"name": "order_id"}]},
        {"name": "x", "tags": {"purpose": "Idempotency"}},
    ],
)
def test_names_attributes_and_tags_give_payments_away(arguments: dict[str, Any]) -> None:
    assert len(texts(judged("PDR203", table(**EVENTUAL, **arguments)))) == 1


def test_a_table_of_something_else_may_be_eventual() -> None:
    assert texts(judged("PDR203", table(name="sessions", **EVENTUAL))) == []


def test_a_table_without_replicas_is_no_global_table() -> None:
    assert texts(judged("PDR203", table(name="payments"))) == []


def test_replicas_of_their_own_and_old_global_tables_count_too() -> None:
    replica = (
        "aws_dynamodb_table_replica",
        "r",
        {"global_table_arn": "${aws_dynamodb_table.t.arn}"},
    )
    old = ("aws_dynamodb_global_table", "old", {"name": "payments"})
    found = texts(judged("PDR203", table(name="payments"), replica, old))
    assert [text.split()[0] for text in found] == [
        "aws_dynamodb_table.t",
        "aws_dynamodb_global_table.old",
    ]
