"""Backups: daily, kept, in the other region as well, and not deleted by one credential."""

import re

import pytest

from infra.ground import ground
from infra.synthesized import Body, StackJson, deployed, resources, statements, the, the_name
from payment_dr.infra.constructs.backups import peer_vault_arn
from payment_dr.infra.place import Place, places


def _rule(stack: StackJson) -> Body:
    (rule,) = the(stack, "aws_backup_plan")["rule"]
    assert isinstance(rule, dict)
    return rule


def test_the_cluster_is_backed_up_daily_into_the_sites_own_vault(site: StackJson) -> None:
    cluster = the_name(site, "aws_rds_cluster")
    assert the(site, "aws_backup_selection")["resources"] == [f"${{aws_rds_cluster.{cluster}.arn}}"]
    vault = the_name(site, "aws_backup_vault")
    assert _rule(site)["target_vault_name"] == f"${{aws_backup_vault.{vault}.name}}"
    assert re.fullmatch(r"cron\(0 \d+ \* \* \? \*\)", _rule(site)["schedule"])


def test_each_backup_is_copied_to_the_other_sites_vault(east: StackJson, west: StackJson) -> None:
    for stack, region, other in ((east, "us-west-2", west), (west, "us-east-1", east)):
        (copy,) = _rule(stack)["copy_action"]
        name = the(other, "aws_backup_vault")["name"]
        arn = f"arn:aws:backup:{region}:123456789012:backup-vault:{name}"
        assert copy["destination_vault_arn"] == arn
        assert copy["lifecycle"]["delete_after"] == 35


def test_what_the_service_would_fill_in_is_said_so_that_a_second_plan_is_empty(
    site: StackJson,
) -> None:
    (copy,) = _rule(site)["copy_action"]
    for lifecycle in (_rule(site)["lifecycle"], copy["lifecycle"]):
        assert lifecycle["opt_in_to_archive_for_supported_resources"] is False


def test_the_sites_are_not_backed_up_at_the_same_hour(east: StackJson, west: StackJson) -> None:
    assert _rule(east)["schedule"] != _rule(west)["schedule"]


def test_backups_are_kept_for_as_long_as_settings_say() -> None:
    stack = ground(places(deployed({"backup_retention_days": 14}))[0])
    (copy,) = _rule(stack)["copy_action"]
    assert _rule(stack)["lifecycle"]["delete_after"] == copy["lifecycle"]["delete_after"] == 14
    assert the(stack, "aws_rds_cluster")["backup_retention_period"] == 14


def test_the_vault_is_encrypted_under_the_key_of_its_region(site: StackJson, place: Place) -> None:
    key = the_name(site, "aws_kms_key", tags={"Name": place.name("data")})
    vault = the(site, "aws_backup_vault")
    assert vault["kms_key_arn"] == f"${{aws_kms_key.{key}.arn}}"
    assert vault["force_destroy"] is False


def test_a_vault_takes_copies_of_this_account_alone(site: StackJson) -> None:
    copies = statements(the(site, "aws_backup_vault_policy")["policy"])["Copies"]
    assert copies["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert copies["Action"] == ["backup:CopyIntoBackupVault"]


def test_nobody_deletes_a_backup_before_it_expires(site: StackJson) -> None:
    keep = statements(the(site, "aws_backup_vault_policy")["policy"])["Keep"]
    assert (keep["Effect"], keep["Principal"]) == ("Deny", {"AWS": "*"})
    assert "backup:DeleteRecoveryPoint" in keep["Action"]
    assert "backup:UpdateRecoveryPointLifecycle" in keep["Action"]


def test_a_vault_is_locked_for_good_only_if_settings_say_so(site: StackJson) -> None:
    assert resources(site, "aws_backup_vault_lock_configuration") == {}


@pytest.mark.parametrize("number", [0, 1])
def test_a_locked_vault_admits_what_the_plans_of_both_sites_put_into_it(number: int) -> None:
    stack = ground(places(deployed({"vault_lock": True}))[number])
    lock = the(stack, "aws_backup_vault_lock_configuration")
    kept = _rule(stack)["lifecycle"]["delete_after"]
    assert lock["min_retention_days"] <= kept <= lock["max_retention_days"]
    assert lock["changeable_for_days"] == 3


def test_backups_are_made_by_a_role_of_the_service(site: StackJson, place: Place) -> None:
    name = the_name(site, "aws_iam_role", name=place.name("backups"))
    assert the(site, "aws_backup_selection")["iam_role_arn"] == f"${{aws_iam_role.{name}.arn}}"
    trusted = statements(resources(site, "aws_iam_role")[name]["assume_role_policy"])["Assume"]
    assert trusted["Principal"] == {"Service": "backup.amazonaws.com"}


def test_the_other_sites_vault_is_named_without_reading_it(home: Place, peer: Place) -> None:
    assert peer.name("backups") in peer_vault_arn(home)
    assert home.name("backups") in peer_vault_arn(peer)
