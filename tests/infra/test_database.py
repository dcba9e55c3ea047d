"""The ledger's cluster: what would make a failover fail, or undo it, cannot come back unnoticed."""

import json
from datetime import datetime, timedelta

import pytest

from infra.ground import ground
from infra.synthesized import (
    StackJson,
    data,
    deployed,
    ephemerals,
    resources,
    the,
    the_name,
)
from payment_dr.infra.constructs.database import AT_HOME, AT_PEER, Windows
from payment_dr.infra.constructs.parameters import family_of
from payment_dr.infra.place import Place, places

_NEVER_ALIKE = frozenset(
    {
        *("cluster_identifier", "db_subnet_group_name", "final_snapshot_identifier"),
        *("db_cluster_parameter_group_name", "kms_key_id", "vpc_security_group_ids"),
        *("preferred_backup_window", "preferred_maintenance_window", "depends_on"),
    }
)
"""Arguments that say where a cluster is."""

_FIRST_MEMBER = frozenset(
    {"database_name", "master_username", "master_password_wo", "master_password_wo_version"}
)
"""Arguments that the first member of a global cluster takes and others refuse."""


def _cluster(stack: StackJson) -> dict[str, object]:
    return the(stack, "aws_rds_cluster")


def _parameters(stack: StackJson, kind: str) -> dict[str, str]:
    return {one["name"]: one["value"] for one in the(stack, kind)["parameter"]}


def test_the_global_cluster_is_made_at_home_and_joined_by_name(
    east: StackJson, west: StackJson
) -> None:
    made = the(east, "aws_rds_global_cluster")
    assert made["global_cluster_identifier"] == "payments-global-prod"
    assert resources(west, "aws_rds_global_cluster") == {}
    for stack in (east, west):
        assert _cluster(stack)["global_cluster_identifier"] == "payments-global-prod"


def test_home_waits_for_the_global_cluster_that_it_names(east: StackJson) -> None:
    name = the_name(east, "aws_rds_global_cluster")
    depends_on = _cluster(east)["depends_on"]
    assert isinstance(depends_on, list)
    assert f"aws_rds_global_cluster.{name}" in depends_on


def test_both_clusters_are_encrypted_under_a_key_of_their_own_region(
    site: StackJson, place: Place
) -> None:
    key = the_name(site, "aws_kms_key", tags={"Name": place.name("data")})
    assert "region" not in resources(site, "aws_kms_key")[key]
    assert _cluster(site)["storage_encrypted"] is True
    assert _cluster(site)["kms_key_id"] == f"${{aws_kms_key.{key}.arn}}"


def test_sites_differ_in_where_they_are_and_in_nothing_that_a_takeover_needs(
    east: StackJson, west: StackJson
) -> None:
    home, other = _cluster(east), _cluster(west)
    different = {name for name in {*home, *other} if home.get(name) != other.get(name)}
    assert different <= _NEVER_ALIKE | _FIRST_MEMBER
    assert not _FIRST_MEMBER & set(other)


@pytest.mark.parametrize("argument", ["global_cluster_identifier", "replication_source_identifier"])
def test_a_plan_after_a_failover_detaches_and_replaces_neither_cluster(
    site: StackJson, argument: str
) -> None:
    lifecycle = _cluster(site)["lifecycle"]
    assert isinstance(lifecycle, dict)
    assert argument in lifecycle["ignore_changes"]


def test_an_upgrade_goes_through_the_global_cluster_which_upgrades_all_members(
    site: StackJson, east: StackJson
) -> None:
    lifecycle = _cluster(site)["lifecycle"]
    assert isinstance(lifecycle, dict)
    assert "engine_version" in lifecycle["ignore_changes"]
    assert _cluster(site)["engine_version"] == the(east, "aws_rds_global_cluster")["engine_version"]
    for instance in resources(site, "aws_rds_cluster_instance").values():
        assert "engine_version" not in instance


@pytest.mark.parametrize("kind", ["aws_rds_cluster", "aws_rds_global_cluster"])
def test_no_apply_destroys_what_holds_the_ledger(
    east: StackJson, west: StackJson, kind: str
) -> None:
    for stack in (east, west):
        for body in resources(stack, kind).values():
            assert body["deletion_protection"] is True
            assert body["lifecycle"]["prevent_destroy"] is True


def test_what_is_deleted_after_all_leaves_a_snapshot_and_its_backups(
    site: StackJson, place: Place
) -> None:
    cluster = _cluster(site)
    assert cluster["skip_final_snapshot"] is False
    assert cluster["final_snapshot_identifier"] == place.name("final")
    assert cluster["delete_automated_backups"] is False
    assert cluster["backup_retention_period"] == 35
    assert cluster["copy_tags_to_snapshot"] is True


def test_the_first_password_is_read_while_applying_and_kept_nowhere(east: StackJson) -> None:
    ((name, secret),) = ephemerals(east, "aws_secretsmanager_secret_version").items()
    assert secret == {"secret_id": "payments-ledger-master-prod"}
    read = f"ephemeral.aws_secretsmanager_secret_version.{name}.secret_string"
    assert _cluster(east)["master_password_wo"] == f"${{jsondecode({read}).password}}"
    assert _cluster(east)["master_password_wo_version"] == 1
    assert _cluster(east)["master_username"] == "payment_master"


def test_nothing_reads_a_secret_into_the_state(site: StackJson) -> None:
    written = json.dumps(site)
    assert '"master_password"' not in written
    assert "manage_master_user_password" not in written
    assert data(site, "aws_secretsmanager_secret_version") == {}


def test_nothing_of_the_other_site_is_read(site: StackJson) -> None:
    assert site.get("data", {}) == {}


def test_home_that_is_made_anew_joins_as_the_other_site_does(east: StackJson) -> None:
    """And nothing else changes, so the rest of what is there stays."""
    again = ground(places(deployed({"home_follows": True}))[0])
    cluster = dict(_cluster(east))
    for name in _FIRST_MEMBER:
        del cluster[name]
    assert _cluster(again) == cluster
    assert ephemerals(again, "aws_secretsmanager_secret_version") == {}
    left = {kind: named for kind, named in again["resource"].items() if kind != "aws_rds_cluster"}
    assert left == {kind: east["resource"][kind] for kind in left}
    assert left.keys() | {"aws_rds_cluster"} == east["resource"].keys()


def test_a_follower_takes_no_writes_for_others(site: StackJson) -> None:
    assert _cluster(site)["enable_global_write_forwarding"] is False
    assert _cluster(site)["enable_local_write_forwarding"] is False
    assert _cluster(site)["enable_http_endpoint"] is False


def test_versions_change_only_when_somebody_changes_them(site: StackJson) -> None:
    cluster = _cluster(site)
    assert cluster["allow_major_version_upgrade"] is False
    assert cluster["apply_immediately"] is False
    for instance in resources(site, "aws_rds_cluster_instance").values():
        assert instance["auto_minor_version_upgrade"] is False
        assert instance["apply_immediately"] is False


def test_the_standby_is_as_large_as_home(east: StackJson, west: StackJson) -> None:
    classes = [
        sorted(one["instance_class"] for one in resources(s, "aws_rds_cluster_instance").values())
        for s in (east, west)
    ]
    assert classes == [["db.r6g.large"] * 2] * 2


def test_instances_are_in_different_zones_and_none_is_preferred(
    site: StackJson, place: Place
) -> None:
    instances = resources(site, "aws_rds_cluster_instance").values()
    assert {one["availability_zone"] for one in instances} == set(place.zones[:2])
    assert {one["promotion_tier"] for one in instances} == {0}


def test_more_instances_than_zones_start_again_with_the_first_zone() -> None:
    place = places(deployed({"instances": 4}))[1]
    zones = [
        one["availability_zone"]
        for one in resources(ground(place), "aws_rds_cluster_instance").values()
    ]
    assert sorted(zones) == sorted([*place.zones, place.zones[0]])


def test_instances_are_watched_and_reached_from_inside_alone(site: StackJson, place: Place) -> None:
    key = the_name(site, "aws_kms_key", tags={"Name": place.name("data")})
    role = the_name(site, "aws_iam_role", name=place.name("instance-monitoring"))
    for instance in resources(site, "aws_rds_cluster_instance").values():
        assert instance["publicly_accessible"] is False
        assert instance["ca_cert_identifier"] == "rds-ca-rsa2048-g1"
        assert instance["performance_insights_enabled"] is True
        assert instance["performance_insights_kms_key_id"] == f"${{aws_kms_key.{key}.arn}}"
        assert instance["monitoring_interval"] == 15
        assert instance["monitoring_role_arn"] == f"${{aws_iam_role.{role}.arn}}"


def test_the_cluster_is_in_the_database_subnets_behind_its_own_group(
    site: StackJson, place: Place
) -> None:
    group = the_name(site, "aws_security_group", name=place.name("ledger"))
    assert _cluster(site)["vpc_security_group_ids"] == [f"${{aws_security_group.{group}.id}}"]
    subnets = {
        f"${{aws_subnet.{name}.id}}"
        for name, one in resources(site, "aws_subnet").items()
        if one["tags"]["Tier"] == "database"
    }
    assert set(the(site, "aws_db_subnet_group")["subnet_ids"]) == subnets


def test_both_sites_have_the_same_parameters_as_followers_inherit_none(
    east: StackJson, west: StackJson
) -> None:
    for kind in ("aws_rds_cluster_parameter_group", "aws_db_parameter_group"):
        assert the(east, kind)["parameter"] == the(west, kind)["parameter"]
        assert the(east, kind)["family"] == the(west, kind)["family"] == "aurora-postgresql16"


def test_the_ledger_speaks_tls_alone_and_is_logged(site: StackJson) -> None:
    parameters = _parameters(site, "aws_rds_cluster_parameter_group")
    assert parameters["rds.force_ssl"] == "1"
    assert parameters["ssl_min_protocol_version"] == "TLSv1.2"
    assert parameters["password_encryption"] == "scram-sha-256"
    assert parameters["rds.logical_replication"] == "0"
    assert parameters["log_statement"] == "ddl"
    assert parameters["log_min_duration_statement"] == "1000"


def test_no_parameter_stops_commits_after_a_failover(site: StackJson) -> None:
    assert "rds.global_db_rpo" not in json.dumps(site)


def test_users_can_log_in_by_their_role(site: StackJson) -> None:
    assert _cluster(site)["iam_database_authentication_enabled"] is True


def test_logs_go_to_groups_that_exist_before_them_encrypted_and_not_forever(
    site: StackJson, place: Place
) -> None:
    assert _cluster(site)["enabled_cloudwatch_logs_exports"] == ["postgresql"]
    key = the_name(site, "aws_kms_key", tags={"Name": place.name("logs")})
    groups = {
        "aws_rds_cluster": f"/aws/rds/cluster/{place.name('cluster')}/postgresql",
        "aws_db_proxy": f"/aws/rds/proxy/{place.name('proxy')}",
    }
    for kind, name in groups.items():
        group = the(site, "aws_cloudwatch_log_group", name=name)
        assert group["retention_in_days"] == 365
        assert group["kms_key_id"] == f"${{aws_kms_key.{key}.arn}}"
        made = the_name(site, "aws_cloudwatch_log_group", name=name)
        assert f"aws_cloudwatch_log_group.{made}" in the(site, kind)["depends_on"]


def _span(written: str) -> tuple[datetime, datetime]:
    """A window of RDS as times of one week; a daily one is taken on the day given, else Monday."""
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    ends = []
    for end in written.split("-"):
        *day, hour, minute = end.split(":")
        offset = days.index(day[0]) if day else 0
        at = datetime(2026, 1, 5) + timedelta(days=offset)  # noqa: DTZ001 - a week without a zone
        ends.append(at.replace(hour=int(hour), minute=int(minute)))
    return ends[0], ends[1]


@pytest.mark.parametrize("windows", [AT_HOME, AT_PEER], ids=["home", "peer"])
def test_a_backup_is_over_before_maintenance_begins(windows: Windows) -> None:
    backup, maintenance = _span(windows.backup), _span(windows.maintenance)
    assert backup[1].time() < maintenance[0].time()
    assert maintenance[1] - maintenance[0] >= timedelta(minutes=30)


def test_the_sites_are_maintained_on_different_days(east: StackJson, west: StackJson) -> None:
    spans = [_span(str(_cluster(stack)["preferred_maintenance_window"])) for stack in (east, west)]
    assert abs(spans[0][0] - spans[1][0]) > timedelta(hours=24)
    for stack in (east, west):
        for instance in resources(stack, "aws_rds_cluster_instance").values():
            assert (
                instance["preferred_maintenance_window"]
                == _cluster(stack)["preferred_maintenance_window"]
            )


def test_slow_work_of_rds_is_waited_for(site: StackJson) -> None:
    assert _cluster(site)["timeouts"] == {"create": "120m", "update": "120m", "delete": "120m"}


@pytest.mark.parametrize(("version", "family"), [("16.8", "16"), ("17.4", "17")])
def test_parameters_are_of_the_family_of_the_version(version: str, family: str) -> None:
    assert family_of(version) == f"aurora-postgresql{family}"
