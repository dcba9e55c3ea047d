"""What a plan would do to things that hold data: each danger is found, and harmless plans pass."""

from importlib import import_module
from typing import Any

import msgspec
import pytest

from fakes.engine import change, plan
from payment_dr.infra.plan_guard import ATTRIBUTES, GUARDED, Danger, does, find, refused
from payment_dr.lint.document import PlanDocument


def found(*changes: dict[str, Any]) -> tuple[Danger, ...]:
    return find(msgspec.convert(plan(*changes), PlanDocument))


def dangers(*changes: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.address, one.does) for one in found(*changes)]


def update(kind: str, before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str]]:
    return dangers(change(f"{kind}.it", "update", before=before, after=after))


@pytest.mark.parametrize("kind", GUARDED)
@pytest.mark.parametrize(
    ("actions", "words"),
    [
        (("delete",), "would be destroyed"),
        (("delete", "create"), "would be replaced by a new, empty one"),
        (("create", "delete"), "would be replaced by a new, empty one"),
        (("forget",), "would be forgotten: no state would know it any more"),
    ],
)
def test_nothing_that_holds_data_goes_unseen(
    kind: str, actions: tuple[str, ...], words: str
) -> None:
    assert dangers(change(f"{kind}.it", *actions, before={})) == [(f"{kind}.it", words)]


@pytest.mark.parametrize("kind", GUARDED)
@pytest.mark.parametrize("actions", [("create",), ("no-op",), ("update",), ("read",)])
def test_what_is_made_kept_or_harmlessly_changed_is_no_danger(
    kind: str, actions: tuple[str, ...]
) -> None:
    same: dict[str, Any] = {"tags": {}}
    assert dangers(change(f"{kind}.it", *actions, before=same, after={"tags": {"a": "b"}})) == []


def test_what_holds_nothing_may_go() -> None:
    assert dangers(change("aws_lambda_function.api", "delete", before={})) == []
    assert dangers(change("aws_sns_topic.alarms", "delete", "create", before={})) == []


def test_a_data_source_is_no_resource() -> None:
    assert dangers(change("aws_rds_cluster.it", "delete", before={}, mode="data")) == []


def test_why_something_is_replaced_is_said() -> None:
    one = change(
        "aws_rds_cluster.it",
        "delete",
        "create",
        before={},
        replace_paths=[["kms_key_id"], ["a", 0]],
    )
    assert dangers(one)[0][1].endswith("(because of kms_key_id, a.0)")
    assert str(found(one)[0]).endswith("; it holds the ledger of a site")


def test_a_leftover_of_a_failed_replacement_has_a_name_of_its_own() -> None:
    leftover = change("aws_kms_key.it", "delete", before={}, deposed="00ab")
    assert [address for address, _ in dangers(leftover)] == ["aws_kms_key.it/00ab"]


@pytest.mark.parametrize(
    ("kind", "before", "after", "words"),
    [
        (
            "aws_rds_cluster",
            {"global_cluster_identifier": "g"},
            {"global_cluster_identifier": None},
            "would be detached from its global cluster (global_cluster_identifier)",
        ),
        (
            "aws_rds_cluster",
            {"global_cluster_identifier": "g"},
            {"global_cluster_identifier": "other"},
            "would be detached from its global cluster (global_cluster_identifier)",
        ),
        (
            "aws_rds_cluster",
            {"replication_source_identifier": "arn:aws:rds:x"},
            {"replication_source_identifier": ""},
            "would stop replicating (replication_source_identifier)",
        ),
        (
            "aws_rds_cluster",
            {"deletion_protection": True},
            {"deletion_protection": False},
            "would lose its protection against deletion (deletion_protection)",
        ),
        (
            "aws_rds_cluster",
            {"backup_retention_period": 35},
            {"backup_retention_period": 7},
            "would lose its older backups (backup_retention_period)",
        ),
        (
            "aws_rds_cluster",
            {"skip_final_snapshot": False},
            {"skip_final_snapshot": True},
            "could from then on be destroyed without a last snapshot (skip_final_snapshot)",
        ),
        (
            "aws_rds_global_cluster",
            {"deletion_protection": True},
            {"deletion_protection": None},
            "would lose its protection against deletion (deletion_protection)",
        ),
        (
            "aws_dynamodb_table",
            {"replica": [{"region_name": "us-west-2"}], "global_table_witness": []},
            {"replica": []},
            "would lose a replica, or its protection (replica)",
        ),
        (
            "aws_dynamodb_table",
            {"replica": [{"region_name": "us-west-2", "point_in_time_recovery": True}]},
            {"replica": [{"region_name": "us-west-2", "point_in_time_recovery": False}]},
            "would lose a replica, or its protection (replica)",
        ),
        (
            "aws_dynamodb_table",
            {"global_table_witness": [{"region_name": "us-east-2"}]},
            {},
            "would lose its witness (global_table_witness)",
        ),
        (
            "aws_dynamodb_table",
            {"deletion_protection_enabled": True},
            {"deletion_protection_enabled": False},
            "would lose its protection against deletion (deletion_protection_enabled)",
        ),
        (
            "aws_dynamodb_table",
            {"point_in_time_recovery": [{"enabled": True}]},
            {"point_in_time_recovery": [{"enabled": False}]},
            "would lose its backups (point_in_time_recovery)",
        ),
        (
            "aws_kms_key",
            {"is_enabled": True},
            {"is_enabled": False},
            "would be disabled (is_enabled)",
        ),
        (
            "aws_secretsmanager_secret",
            {"replica": [{"region": "us-west-2"}]},
            {"replica": []},
            "would lose a replica (replica)",
        ),
        (
            "aws_secretsmanager_secret_version",
            {"secret_string_wo_version": 1},
            {"secret_string_wo_version": 2},
            "would get a new value (secret_string_wo_version)",
        ),
        (
            "aws_s3_bucket",
            {"force_destroy": False},
            {"force_destroy": True},
            "could from then on be destroyed with its objects (force_destroy)",
        ),
    ],
)
def test_a_change_in_place_that_harms_is_found(
    kind: str, before: dict[str, Any], after: dict[str, Any], words: str
) -> None:
    assert update(kind, before, after) == [(f"{kind}.it", words)]
    assert update(kind, after, after) == []


def test_what_is_known_only_after_the_apply_is_taken_for_a_loss() -> None:
    before = {"global_cluster_identifier": "g", "deletion_protection": True}
    assert len(update("aws_rds_cluster", before, {})) == 2


def test_joining_and_protecting_are_no_danger() -> None:
    before = {"global_cluster_identifier": "", "deletion_protection": False}
    after = {"global_cluster_identifier": "g", "deletion_protection": True}
    assert update("aws_rds_cluster", before, after) == []
    two = {"replica": [{"region_name": "a"}, {"region_name": "b"}]}
    assert update("aws_dynamodb_table", {"replica": [{"region_name": "a"}]}, two) == []


def test_one_instance_may_go_but_not_all_of_a_cluster() -> None:
    def instance(name: str, cluster: str, *actions: str) -> dict[str, Any]:
        before = {"cluster_identifier": cluster}
        return change(f"aws_rds_cluster_instance.{name}", *actions, before=before)

    assert dangers(instance("a", "east", "delete", "create"), instance("b", "east", "no-op")) == []
    both = dangers(
        instance("a", "east", "delete", "create"),
        instance("b", "east", "delete"),
        instance("c", "west", "no-op"),
    )
    assert [address for address, _ in both] == [
        "aws_rds_cluster_instance.a",
        "aws_rds_cluster_instance.b",
    ]
    new = change("aws_rds_cluster_instance.d", "create", before=None, after={})
    assert dangers(new) == []


def test_only_what_an_override_names_exactly_is_let_through() -> None:
    danger = Danger(address="west:aws_kms_key.it", does="would be destroyed", holds="keys")
    assert refused((danger,), ["west:aws_kms_key"]) == (danger,)
    assert not refused((danger,), ["west:aws_kms_key.it"])


@pytest.mark.parametrize("kind", GUARDED)
def test_guarded_types_and_arguments_exist_in_the_provider(kind: str) -> None:
    module = import_module(f"cdktn_provider_aws.{kind.removeprefix('aws_')}")
    made = next(
        one for one in vars(module).values() if getattr(one, "TF_RESOURCE_TYPE", "") == kind
    )
    assert [name for name in ATTRIBUTES.get(kind, {}) if not hasattr(made, name)] == []


def test_every_argument_is_of_a_type_that_is_guarded() -> None:
    assert ATTRIBUTES.keys() <= GUARDED.keys()


@pytest.mark.parametrize(
    ("actions", "word"),
    [
        (["create"], "create"),
        (["update"], "change"),
        (["delete"], "destroy"),
        (["create", "forget"], "forget"),
        (["no-op"], ""),
        ([], ""),
    ],
)
def test_actions_have_one_word(actions: list[str], word: str) -> None:
    one = msgspec.convert(plan(change("a.b", *actions)), PlanDocument).resource_changes[0]
    assert does(one) == word
