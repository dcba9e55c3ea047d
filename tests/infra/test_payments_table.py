"""The payments table: strongly consistent over three regions, protected, the same in the lab."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.synthesized import StackJson, resources, synthesize_at, the
from payment_dr.adapters.record_items import KEY, OPEN_INDEX, UNCONFIRMED_INDEX
from payment_dr.core.settings import Settings
from payment_dr.infra.constructs.payments_table import THING, PaymentsTable, PaymentsTableProps
from payment_dr.infra.place import Place
from payment_dr.lab import aws_resources

HOME_KEY = "arn:aws:kms:us-east-1:123456789012:key/home"
PEER_KEY = "arn:aws:kms:us-west-2:123456789012:key/peer"


@pytest.fixture(scope="module", name="stack")
def made_stack(home: Place, peer: Place) -> StackJson:
    props = PaymentsTableProps(home=home, peer=peer, home_key_arn=HOME_KEY, peer_key_arn=PEER_KEY)
    return synthesize_at(home, lambda stack: PaymentsTable(stack, "payments", props))


@pytest.fixture(scope="module", name="table")
def made_table(stack: StackJson, settings: Settings) -> dict[str, Any]:
    return the(stack, "aws_dynamodb_table", name=settings.resource("table"))


def test_a_write_is_in_two_of_three_regions_before_it_is_answered(
    table: dict[str, Any], home: Place, peer: Place, settings: Settings
) -> None:
    (replica,) = table["replica"]
    assert replica["consistency_mode"] == "STRONG"
    assert table["region"] == home.site.region
    assert replica["region_name"] == peer.site.region
    assert table["global_table_witness"] == {"region_name": settings.witness_region}


def test_each_replica_is_encrypted_with_a_key_of_its_own_region(table: dict[str, Any]) -> None:
    assert table["server_side_encryption"] == {"enabled": True, "kms_key_arn": HOME_KEY}
    assert table["replica"][0]["kms_key_arn"] == PEER_KEY


def test_nothing_deletes_the_table_by_mistake(table: dict[str, Any]) -> None:
    assert table["deletion_protection_enabled"] is True
    assert table["replica"][0]["deletion_protection_enabled"] is True
    assert table["lifecycle"] == {"prevent_destroy": True}


def test_both_replicas_can_be_restored_to_any_second_of_35_days(table: dict[str, Any]) -> None:
    recovery = {"enabled": True, "recovery_period_in_days": 35}
    assert table["point_in_time_recovery"] == recovery
    assert table["replica"][0]["point_in_time_recovery"] is True


def test_what_strong_consistency_does_not_have_is_not_asked_for(table: dict[str, Any]) -> None:
    assert table["billing_mode"] == "PAY_PER_REQUEST"
    for unsupported in ("ttl", "local_secondary_index", "stream_enabled", "read_capacity"):
        assert unsupported not in table


def test_the_replica_is_no_resource_of_its_own_which_would_be_eventually_consistent(
    stack: StackJson,
) -> None:
    assert set(stack["resource"]) == {"aws_dynamodb_table"}
    assert len(resources(stack, "aws_dynamodb_table")) == 1


class Recorder:
    """Keeps the arguments of each call of a client."""

    def __init__(self) -> None:
        self.calls: dict[str, dict[str, Any]] = {}

    def __getattr__(self, action: str) -> Callable[..., None]:
        return lambda **arguments: self.calls.__setitem__(action, arguments)


def lab_table(settings: Settings) -> dict[str, Any]:
    """The arguments with which a lab makes its table."""
    recorder = Recorder()
    make: Any = getattr(aws_resources, "_table")  # noqa: B009 # it is the lab's own
    make(settings, recorder)
    return recorder.calls["create_table"]


def test_the_lab_makes_the_same_table(table: dict[str, Any], settings: Settings) -> None:
    lab = lab_table(settings)
    assert table["name"] == lab["TableName"]
    assert settings.resource(THING) == lab["TableName"]
    assert table["hash_key"] == KEY == lab["KeySchema"][0]["AttributeName"]
    assert [(a["name"], a["type"]) for a in table["attribute"]] == [
        (a["AttributeName"], a["AttributeType"]) for a in lab["AttributeDefinitions"]
    ]
    assert [
        (
            index["name"],
            [(key["attribute_name"], key["key_type"]) for key in index["key_schema"]],
            index["projection_type"],
        )
        for index in table["global_secondary_index"]
    ] == [
        (
            index["IndexName"],
            [(key["AttributeName"], key["KeyType"]) for key in index["KeySchema"]],
            index["Projection"]["ProjectionType"],
        )
        for index in lab["GlobalSecondaryIndexes"]
    ]
    assert {i["name"] for i in table["global_secondary_index"]} == {UNCONFIRMED_INDEX, OPEN_INDEX}
