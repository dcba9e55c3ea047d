"""PDR6xx: secrets and backups that are still there without the region."""

from collections.abc import Iterator
from typing import Final

from payment_dr.lint.facts.sites import twins
from payment_dr.lint.finding import Observation, Severity, found
from payment_dr.lint.plan import region_of
from payment_dr.lint.resource import Node, Resource
from payment_dr.lint.rule import Rule
from payment_dr.lint.subject import Subject

_PASSWORDS: Final = (
    ("aws_rds_cluster", "master_password"),
    ("aws_db_instance", "password"),
    ("aws_docdb_cluster", "master_password"),
    ("aws_redshift_cluster", "master_password"),
    ("aws_secretsmanager_secret_version", "secret_string"),
)


def _secrets(subject: Subject) -> Iterator[Observation]:
    if len(subject.sites) <= 1:
        return
    for group in twins(subject.plan.of("aws_secretsmanager_secret"), "name").values():
        there = {secret.region for secret in group}
        for secret in group:
            replicas = secret.blocks("replica")
            there |= {one.text("region") for one in replicas if one.text("region")}
        missing = [site for site in subject.sites if site not in there]
        if missing:
            yield found(group[0], f"has no replica in {', '.join(missing)}")


SECRETS: Final = Rule(
    rule_id="PDR601",
    name="secret-without-replica",
    title="Secret that is lost with its region",
    severity=Severity.ERROR,
    why="Functions at the surviving site read their secrets there. A secret in the lost region "
    "alone means no password and no provider key, however healthy the rest is.",
    looks_at="With two sites or more: secrets without a replica block for, and without a secret of "
    "the same name in, the region of every other site.",
    remedy="Add replica { region = ... } with a key of that region, or a secret per site.",
    check=_secrets,
)


def _backups(subject: Subject) -> Iterator[Observation]:
    plans = subject.plan.of("aws_backup_plan")
    for plan in plans:
        for rule in plan.blocks("rule"):
            copies = rule.blocks("copy_action")
            if not any(_elsewhere(subject, plan, copy) for copy in copies):
                name = rule.text("rule_name") or "?"
                yield found(plan, f"rule {name!r} copies nothing out of {plan.region}")
    if plans or subject.plan.of("aws_db_instance_automated_backups_replication"):
        return
    clusters = [group.primary for group in subject.global_clusters]
    members = {member for group in subject.global_clusters for member in group.members}
    clusters += [one for one in subject.plan.of("aws_rds_cluster") if one not in members]
    for cluster in (*clusters, *subject.plan.of("aws_db_instance")):
        yield found(cluster, f"has no backup outside {cluster.region}: no plan holds a backup plan")


def _elsewhere(subject: Subject, plan: Resource, copy: Node) -> bool:
    """Whether a copy leaves the region, or may: a vault of none of the plans is trusted."""
    vaults = subject.plan.targets(copy, "destination_vault_arn").of("aws_backup_vault")
    regions = {vault.region for vault in vaults} or {region_of(copy.text("destination_vault_arn"))}
    return regions != {plan.region}


BACKUPS: Final = Rule(
    rule_id="PDR602",
    name="backup-without-copy",
    title="Backups that are lost with their region",
    severity=Severity.ERROR,
    why="Replication copies a deleted ledger within a second: only a backup brings it back, and "
    "one in the lost region does not.",
    looks_at="Rules of backup plans without a copy_action to a vault in another region; databases "
    "when there is no backup plan at all.",
    remedy="Add copy_action { destination_vault_arn = ... } with a vault, and a key, in the other "
    "region.",
    check=_backups,
)


def _passwords(subject: Subject) -> Iterator[Observation]:
    for kind, attribute in _PASSWORDS:
        for resource in subject.plan.of(kind):
            if resource.is_set(attribute):
                yield found(resource, f"sets {attribute}, which is kept in the state in clear")


PASSWORDS: Final = Rule(
    rule_id="PDR603",
    name="password-in-state",
    title="Password in the state",
    severity=Severity.ERROR,
    why="Whatever is planned is written to the state in clear, and to every copy of it made for "
    "recovery.",
    looks_at="`master_password`, `password` and `secret_string` of databases and secrets; their "
    "write-only forms are fine.",
    remedy="Use the write-only arguments (master_password_wo, secret_string_wo) with an ephemeral "
    "random password, Terraform or OpenTofu 1.11 and later.",
    check=_passwords,
)

RULES: Final = (SECRETS, BACKUPS, PASSWORDS)
