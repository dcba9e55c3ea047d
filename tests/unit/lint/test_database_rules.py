"""PDR1xx beyond the examples: which cluster is the primary, and what cannot be judged."""

from typing import Any

import pytest

from fakes.linting import judged, reasons, texts, west
from payment_dr.lint.configuration import ALL_ATTRIBUTES, Configuration, ModuleConfiguration

GLOBAL = ("aws_rds_global_cluster", "g", {"global_cluster_identifier": "g"})
KEY_EAST: tuple[str, str, dict[str, Any]] = ("aws_kms_key", "east", {})
KEY_WEST = ("aws_kms_key", "west", west())


def member(name: str, **arguments: Any) -> tuple[str, str, dict[str, Any]]:
    identifier = {"global_cluster_identifier": "${aws_rds_global_cluster.g.id}"}
    return "aws_rds_cluster", name, {**identifier, **arguments}


HOME = member("home", master_username="u", storage_encrypted=True)


def away(**arguments: Any) -> tuple[str, str, dict[str, Any]]:
    return member("away", **west(**arguments))


def test_a_key_of_another_region_is_no_regional_key() -> None:
    by_reference = judged(
        "PDR101", GLOBAL, HOME, away(kms_key_id="${aws_kms_key.east.arn}"), KEY_EAST
    )
    by_arn = judged("PDR101", GLOBAL, HOME, away(kms_key_id="arn:aws:kms:us-east-1:1:key/k"))
    assert texts(by_reference) == ["aws_rds_cluster.away is in us-west-2, its key in us-east-1"]
    assert texts(by_reference) == texts(by_arn)


def test_a_key_that_cannot_be_followed_is_trusted() -> None:
    assert texts(judged("PDR101", GLOBAL, HOME, away(kms_key_id="${local.key}"))) == []


def test_members_that_are_not_encrypted_need_no_key() -> None:
    plain = member("home", master_username="u")
    assert texts(judged("PDR101", GLOBAL, plain, away())) == []


def test_encryption_of_the_global_cluster_asks_for_keys_too() -> None:
    owner = ("aws_rds_global_cluster", "g", {"storage_encrypted": True})
    assert len(texts(judged("PDR101", owner, member("home", master_username="u"), away()))) == 1


def test_the_source_of_a_global_cluster_is_its_primary() -> None:
    owner = (
        "aws_rds_global_cluster",
        "g",
        {"source_db_cluster_identifier": "${aws_rds_cluster.source.arn}"},
    )
    source = ("aws_rds_cluster", "source", {"storage_encrypted": True})
    found = texts(judged("PDR101", owner, away(), source))
    assert found == ["aws_rds_cluster.away is encrypted and names no kms_key_id of us-west-2"]


def test_without_a_user_the_cluster_beside_the_global_cluster_is_the_primary() -> None:
    members = [away(storage_encrypted=True), member("home")]
    assert [text.split()[0] for text in texts(judged("PDR101", GLOBAL, *members))] == [
        "aws_rds_cluster.away"
    ]


def test_a_global_cluster_of_another_plan_is_known_by_its_name() -> None:
    first = ("aws_rds_cluster", "a", {"global_cluster_identifier": "g", "master_username": "u"})
    second = ("aws_rds_cluster", "b", west(global_cluster_identifier="g", storage_encrypted=True))
    assert [text.split()[0] for text in texts(judged("PDR101", first, second))] == [
        "aws_rds_cluster.b"
    ]


def configuration(*ignored: str) -> Configuration:
    names = frozenset(ignored)
    module = ModuleConfiguration(
        ignored={"aws_rds_cluster.home": names, "aws_rds_cluster.away": names}, backend=None
    )
    return Configuration(modules={"": module})


def test_ignoring_all_changes_is_enough() -> None:
    result = judged("PDR103", GLOBAL, HOME, away(), configuration=configuration(ALL_ATTRIBUTES))
    assert texts(result) == []


def test_what_is_missing_is_named_for_each_member() -> None:
    given = configuration("global_cluster_identifier")
    assert texts(judged("PDR103", GLOBAL, HOME, away(), configuration=given)) == [
        "aws_rds_cluster.home does not ignore changes of replication_source_identifier",
        "aws_rds_cluster.away does not ignore changes of replication_source_identifier",
    ]


def test_a_module_without_configuration_is_not_judged() -> None:
    result = judged("PDR103", GLOBAL, HOME, configuration=Configuration(modules={}))
    assert texts(result) == []
    assert reasons(result) == ["aws_rds_cluster.home module '' is not in the configuration given"]


@pytest.mark.parametrize(("value", "found"), [("10", 1), ("20", 0), ("${local.rpo}", 0)])
def test_an_rpo_below_the_least_is_found_on_the_primary(value: str, found: int) -> None:
    group = (
        "aws_rds_cluster_parameter_group",
        "p",
        {"parameter": [{"name": "rds.global_db_rpo", "value": value}]},
    )
    home = member(
        "home",
        master_username="u",
        db_cluster_parameter_group_name="${aws_rds_cluster_parameter_group.p.name}",
    )
    assert len(texts(judged("PDR104", GLOBAL, home, group))) == found


def test_versions_that_are_not_known_are_not_compared() -> None:
    home = member("home", master_username="u", engine_version="${local.version}")
    assert texts(judged("PDR105", GLOBAL, home, away(engine_version="16.8"))) == []


def test_instances_whose_cluster_cannot_be_followed_leave_it_open() -> None:
    instance = ("aws_rds_cluster_instance", "i", {"cluster_identifier": "${local.cluster}"})
    result = judged("PDR107", GLOBAL, HOME, away(), instance)
    assert texts(result) == []
    assert reasons(result) == [
        "aws_rds_cluster.away some instances name a cluster that cannot be followed"
    ]
