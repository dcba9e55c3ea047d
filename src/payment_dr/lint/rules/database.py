"""PDR1xx: Aurora global clusters. What a cluster needs before it can take over."""

from collections.abc import Iterator
from typing import Final

from payment_dr.lint.configuration import ALL_ATTRIBUTES
from payment_dr.lint.finding import Found, NotJudged, Observation, Severity, found, not_judged
from payment_dr.lint.plan import region_of
from payment_dr.lint.resource import Resource
from payment_dr.lint.rule import Rule
from payment_dr.lint.subject import Subject
from payment_dr.lint.values import number

_IGNORED_OF_MEMBERS: Final = ("global_cluster_identifier", "replication_source_identifier")
_RPO_S_MIN: Final = 20


def _regional_key(subject: Subject) -> Iterator[Observation]:
    for group in subject.global_clusters:
        encrypted = any(member.may_be_true("storage_encrypted") for member in group.members) or (
            group.resource is not None and group.resource.may_be_true("storage_encrypted")
        )
        for cluster in group.secondaries if encrypted else ():
            if not cluster.is_set("kms_key_id"):
                yield found(cluster, f"is encrypted and names no kms_key_id of {cluster.region}")
            else:
                yield from _key_elsewhere(subject, cluster)


def _key_elsewhere(subject: Subject, cluster: Resource) -> Iterator[Found]:
    keys = subject.plan.targets(cluster, "kms_key_id").of("aws_kms_key", "aws_kms_replica_key")
    regions = {key.region for key in keys} or {region_of(cluster.text("kms_key_id"))} - {""}
    if regions and cluster.region not in regions:
        yield found(cluster, f"is in {cluster.region}, its key in {', '.join(sorted(regions))}")


REGIONAL_KEY: Final = Rule(
    rule_id="PDR101",
    name="secondary-without-regional-key",
    title="Encrypted secondary cluster without a key of its own region",
    severity=Severity.ERROR,
    why="A KMS key is regional. Aurora refuses to create an encrypted secondary cluster in another "
    "region without a key of that region, and one that leans on the home "
    "region's key dies with it.",
    looks_at="Clusters of a global cluster other than its primary, when any member is encrypted: "
    "`kms_key_id` must be given, and not be a key of another region.",
    remedy="Create an aws_kms_key in the secondary's region and set kms_key_id to its ARN; leave "
    "storage_encrypted = true.",
    check=_regional_key,
)


def _managed_password(subject: Subject) -> Iterator[Observation]:
    for group in subject.global_clusters:
        for cluster in group.members:
            if cluster.may_be_true("manage_master_user_password"):
                yield found(cluster, "lets RDS manage the master password inside a global cluster")


MANAGED_PASSWORD: Final = Rule(
    rule_id="PDR102",
    name="managed-password-in-global-cluster",
    title="Password managed by RDS in a global cluster",
    severity=Severity.ERROR,
    why="RDS does not support managing the master password in Secrets Manager for clusters of an "
    "Aurora global database: the creation fails, or the secret stays behind in the lost region "
    "(https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html).",
    looks_at="`manage_master_user_password` of every member of a global cluster.",
    remedy="Give master_password_wo from an ephemeral random password, keep it in a secret with a "
    "replica in the other region, and let applications log in by IAM database authentication.",
    check=_managed_password,
)


def _ignore_changes(subject: Subject) -> Iterator[Observation]:
    for group in subject.global_clusters:
        for cluster in group.members:
            yield from _missing_ignores(subject, cluster)


def _missing_ignores(subject: Subject, cluster: Resource) -> Iterator[Found | NotJudged]:
    module = subject.module_configuration(cluster.plan, cluster.scope.key)
    if module is None:
        yield not_judged(cluster, f"module {cluster.scope.key!r} is not in the configuration given")
        return
    ignored = module.ignored.get(f"{cluster.kind}.{cluster.name}", frozenset())
    missing = [name for name in _IGNORED_OF_MEMBERS if name not in ignored]
    if missing and ALL_ATTRIBUTES not in ignored:
        yield found(cluster, f"does not ignore changes of {' and '.join(missing)}")


IGNORE_CHANGES: Final = Rule(
    rule_id="PDR103",
    name="member-without-ignore-changes",
    title="Member of a global cluster that Terraform would detach after a failover",
    severity=Severity.ERROR,
    why="A failover swaps roles outside Terraform. The next plan sees other values of "
    "global_cluster_identifier and replication_source_identifier and proposes to detach or replace "
    "the cluster that now takes the writes (hashicorp/terraform-provider-aws issues 40921, 42919).",
    looks_at="`lifecycle.ignore_changes` of every member, primary and secondary, in the "
    "configuration given with --config.",
    remedy="Add lifecycle { ignore_changes = [global_cluster_identifier, "
    "replication_source_identifier] } to every member: roles move, so both need it.",
    check=_ignore_changes,
    needs_configuration=True,
)


def _rpo_parameter(subject: Subject) -> Iterator[Observation]:
    for group in subject.global_clusters:
        for cluster in group.members:
            for name, value in _rpo_parameters(subject, cluster):
                if cluster is not group.primary:
                    yield found(cluster, f"has rds.global_db_rpo = {value} by {name}")
                elif number(value, _RPO_S_MIN) < _RPO_S_MIN:
                    yield found(cluster, f"has rds.global_db_rpo = {value} s, the least is 20 s")


def _rpo_parameters(subject: Subject, cluster: Resource) -> Iterator[tuple[str, object]]:
    groups = subject.plan.targets(cluster, "db_cluster_parameter_group_name").of(
        "aws_rds_cluster_parameter_group"
    )
    for group in groups:
        for parameter in group.blocks("parameter"):
            if parameter.text("name") == "rds.global_db_rpo":
                yield group.address, parameter.known("value")


RPO_PARAMETER: Final = Rule(
    rule_id="PDR104",
    name="rpo-parameter-on-secondary",
    title="rds.global_db_rpo where it stops commits after a failover",
    severity=Severity.WARNING,
    why="rds.global_db_rpo makes the primary wait for a secondary. Set on the secondary of a pair, "
    "it takes effect the moment that cluster is promoted: its only secondary is the lost region, "
    "and commits block. The least value is 20 s "
    "(https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-"
    "disaster-recovery.html).",
    looks_at="`parameter` blocks of the cluster parameter group of each member.",
    remedy="Leave the parameter at its default in the secondary's parameter group; set it there "
    "after a failover, once a new secondary follows.",
    check=_rpo_parameter,
)


def _versions(subject: Subject) -> Iterator[Observation]:
    for group in subject.global_clusters:
        expected = group.primary.text("engine_version")
        for cluster in group.secondaries:
            version = cluster.text("engine_version")
            if expected and version and version != expected:
                yield found(
                    cluster,
                    f"runs engine version {version}, {group.primary.address} runs {expected}",
                )


VERSIONS: Final = Rule(
    rule_id="PDR105",
    name="engine-versions-differ",
    title="Members of a global cluster with different engine versions",
    severity=Severity.ERROR,
    why="A switchover, and a managed failover, need the same major and minor engine version on "
    "both sides; with others the move is refused when it is needed.",
    looks_at="`engine_version` of the members, where known.",
    remedy="Give all members one engine_version, from one variable; upgrade them in one change.",
    check=_versions,
)


def _classes(subject: Subject) -> Iterator[Observation]:
    instances = subject.plan.referring("aws_rds_cluster_instance", "cluster_identifier")
    for group in subject.global_clusters:
        expected = {one.text("instance_class") for one in instances.get(group.primary, ())} - {""}
        for cluster in group.secondaries:
            for instance in instances.get(cluster, ()):
                given = instance.text("instance_class")
                if expected and given and given not in expected:
                    yield found(
                        instance,
                        f"is {given}, instances of {group.primary.address} are "
                        f"{', '.join(sorted(expected))}",
                    )


CLASSES: Final = Rule(
    rule_id="PDR106",
    name="instance-classes-differ",
    title="Standby with other instance classes than home",
    severity=Severity.WARNING,
    why="After a failover the standby carries the whole load at once. A smaller class means that "
    "the recovery time includes a resize, during the busiest minutes of the year.",
    looks_at="`instance_class` of the instances of each member, where known.",
    remedy="Give the instances of both members one instance_class, from one variable.",
    check=_classes,
)


def _headless(subject: Subject) -> Iterator[Observation]:
    instances = subject.plan.referring("aws_rds_cluster_instance", "cluster_identifier")
    unfollowed = any(
        not subject.plan.targets(instance, "cluster_identifier").of("aws_rds_cluster")
        for instance in subject.plan.of("aws_rds_cluster_instance")
    )
    for group in subject.global_clusters:
        for cluster in group.secondaries:
            if instances.get(cluster):
                continue
            if unfollowed:
                yield not_judged(cluster, "some instances name a cluster that cannot be followed")
            else:
                yield found(cluster, "has no instance: its storage follows, nothing can serve it")


HEADLESS: Final = Rule(
    rule_id="PDR107",
    name="headless-secondary",
    title="Secondary cluster without an instance",
    severity=Severity.ERROR,
    why="A headless secondary replicates storage and cannot be promoted in time: an instance must "
    "be created first, which takes many minutes and the capacity of a region that everybody has "
    "just failed over to.",
    looks_at="`aws_rds_cluster_instance` resources that refer to the secondary cluster.",
    remedy="Keep at least one aws_rds_cluster_instance of the home's class in the secondary.",
    check=_headless,
)

RULES: Final = (
    REGIONAL_KEY,
    MANAGED_PASSWORD,
    IGNORE_CHANGES,
    RPO_PARAMETER,
    VERSIONS,
    CLASSES,
    HEADLESS,
)
