"""PDR8xx: what an auditor of recovery looks at first."""

from collections.abc import Iterator
from typing import Final

from payment_dr.lint.facts.policies import ATTACHMENT_KINDS, Statement
from payment_dr.lint.finding import Observation, Severity, found, not_judged
from payment_dr.lint.resource import Node, Resource
from payment_dr.lint.rule import Rule
from payment_dr.lint.subject import Subject
from payment_dr.lint.values import EVERYWHERE_V4, EVERYWHERE_V6, strings

_WEB_PORTS: Final = (80, 443)
_EVERYWHERE: Final = frozenset({EVERYWHERE_V4, EVERYWHERE_V6})
_SOURCES: Final = ("cidr_ipv4", "cidr_ipv6", "cidr_blocks", "ipv6_cidr_blocks")

_ANY_RESOURCE: Final = (
    "acm:ListCertificates",
    "cloudwatch:PutMetricData",
    "dynamodb:InjectError",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:Describe",
    "ec2:UnassignPrivateIpAddresses",
    "ecr:GetAuthorizationToken",
    "kms:ListAliases",
    "lambda:GetAccountSettings",
    "lambda:ListFunctions",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:Describe",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "rds:Describe",
    "route53:GetHealthCheckStatus",
    "route53:List",
    "s3:ListAllMyBuckets",
    "secretsmanager:GetRandomPassword",
    "secretsmanager:ListSecrets",
    "sts:GetCallerIdentity",
    "tag:GetResources",
    "xray:",
)
"""Beginnings of actions that AWS offers without, or hardly with, a resource to name.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/.
"""

_ENCRYPTED_BY: Final = (
    ("aws_rds_cluster", "storage_encrypted"),
    ("aws_rds_global_cluster", "storage_encrypted"),
    ("aws_db_instance", "storage_encrypted"),
    ("aws_docdb_cluster", "storage_encrypted"),
    ("aws_neptune_cluster", "storage_encrypted"),
    ("aws_efs_file_system", "encrypted"),
    ("aws_ebs_volume", "encrypted"),
    ("aws_redshift_cluster", "encrypted"),
    ("aws_elasticache_replication_group", "at_rest_encryption_enabled"),
)
_INHERITS: Final = ("snapshot_identifier", "source_db_cluster_identifier", "replicate_source_db")

_PROTECTED_BY: Final = (
    ("aws_rds_cluster", "deletion_protection"),
    ("aws_rds_global_cluster", "deletion_protection"),
    ("aws_db_instance", "deletion_protection"),
    ("aws_docdb_cluster", "deletion_protection"),
    ("aws_neptune_cluster", "deletion_protection"),
    ("aws_dynamodb_table", "deletion_protection_enabled"),
)


def _ingress(subject: Subject) -> Iterator[Observation]:
    public = _groups_of_public_balancers(subject)
    for group in subject.plan.of("aws_security_group", "aws_default_security_group"):
        for block in group.blocks("ingress"):
            if _is_open(block) and not (group in public and _is_web(block)):
                yield found(group, f"lets everybody in on {_ports(block)}")
    for kind in ("aws_vpc_security_group_ingress_rule", "aws_security_group_rule"):
        for rule in subject.plan.of(kind):
            if rule.text("type") == "egress" or not _is_open(rule):
                continue
            groups = set(subject.plan.targets(rule, "security_group_id").resources)
            if not (groups & public and _is_web(rule)):
                yield found(rule, f"lets everybody in on {_ports(rule)}")


def _groups_of_public_balancers(subject: Subject) -> set[Resource]:
    balancers = (one for one in subject.plan.of("aws_lb", "aws_alb", "aws_elb"))
    return {
        group
        for balancer in balancers
        if balancer.known("internal") is not True
        for group in subject.plan.targets(balancer, "security_groups").resources
    }


def _is_open(rule: Node) -> bool:
    return any(not _EVERYWHERE.isdisjoint(strings(rule.known(name))) for name in _SOURCES)


def _is_web(rule: Node) -> bool:
    return rule.known("from_port") == rule.known("to_port") and rule.known("to_port") in _WEB_PORTS


def _ports(rule: Node) -> str:
    first, last = rule.known("from_port"), rule.known("to_port")
    if rule.text("protocol") == "-1" or rule.text("ip_protocol") == "-1" or first is None:
        return "every port"
    return f"port {first}" if first == last else f"ports {first} to {last}"


INGRESS: Final = Rule(
    rule_id="PDR801",
    name="open-ingress",
    title="Ingress from everywhere",
    severity=Severity.ERROR,
    why="The standby is watched less and patched later; a database or function open to the "
    "internet there is the door to the ledger of both sites.",
    looks_at="Security groups, inline and by rule resources, with 0.0.0.0/0 or ::/0. Ports 80 and "
    "443 of a group on an internet-facing load balancer are fine.",
    remedy="Name the security group or the network that may come in: "
    "referenced_security_group_id, or the CIDR of the peer site.",
    check=_ingress,
)


def _wildcards(subject: Subject) -> Iterator[Observation]:
    for policy, statements in subject.policies.statements.items():
        if statements is None:
            yield not_judged(policy, "its policy is known only after the apply")
            continue
        for problem in dict.fromkeys(one for s in statements for one in _wildcards_of(s)):
            yield found(policy, f"allows {problem}")
    for kind in ATTACHMENT_KINDS:
        for attachment in subject.plan.of(kind):
            name = attachment.text("policy_arn").rsplit("/", 1)[-1]
            if name.endswith("FullAccess") or name in ("AdministratorAccess", "PowerUserAccess"):
                yield found(attachment, f"attaches {name}")


def _wildcards_of(statement: Statement) -> Iterator[str]:
    if statement.inverted:
        yield "all but what it lists (NotAction or NotResource)"
    wide = [action for action in statement.actions if action == "*" or action.endswith(":*")]
    if wide:
        yield f"the actions {', '.join(wide)}"
    named = [action for action in statement.actions if action not in wide]
    needless = [action for action in named if not action.startswith(_ANY_RESOURCE)]
    if "*" in statement.resources and (wide or needless):
        yield f"{', '.join(needless or wide)} on every resource"


WILDCARDS: Final = Rule(
    rule_id="PDR802",
    name="wildcard-permissions",
    title="Wildcard actions or resources",
    severity=Severity.ERROR,
    why="A role that may do anything in the account reaches both sites, their keys and their "
    "backups: one stolen credential, and there is nothing to recover from.",
    looks_at="Allow statements of identity policies with *, service:*, NotAction or NotResource; "
    "Resource * for actions that can name one; attached FullAccess and administrator policies. "
    "Policies of keys and buckets are left alone: their * means themselves.",
    remedy="List the actions the code calls and the ARNs it calls them on; names are "
    "deterministic, so ARNs are known before the apply.",
    check=_wildcards,
)


def _encryption(subject: Subject) -> Iterator[Observation]:
    for kind, attribute in _ENCRYPTED_BY:
        for resource in subject.plan.of(kind):
            if resource.may_be_true(attribute) or any(resource.is_set(name) for name in _INHERITS):
                continue
            yield found(resource, f"does not set {attribute} = true")


ENCRYPTION: Final = Rule(
    rule_id="PDR803",
    name="unencrypted-storage",
    title="Storage without encryption",
    severity=Severity.ERROR,
    why="Encryption of a database is decided when it is created: to encrypt later means to build "
    "the global cluster anew. Snapshots and copies in the other region inherit what is missing.",
    looks_at="Clusters, instances, file systems and volumes; those restored or replicated from "
    "another inherit its encryption.",
    remedy="Set the attribute, with a customer-managed key of the resource's own region.",
    check=_encryption,
)


def _protection(subject: Subject) -> Iterator[Observation]:
    for kind, attribute in _PROTECTED_BY:
        for resource in subject.plan.of(kind):
            if not resource.may_be_true(attribute):
                yield found(resource, f"does not set {attribute} = true")


PROTECTION: Final = Rule(
    rule_id="PDR804",
    name="no-deletion-protection",
    title="Data that one apply can delete",
    severity=Severity.WARNING,
    why="The weeks around a failover see more hurried applies than any other. Protection turns a "
    "wrong plan into an error instead of a restore.",
    looks_at="`deletion_protection` of databases and global clusters, "
    "`deletion_protection_enabled` of tables.",
    remedy="Set it to true; removing it is then a change of its own that somebody reviews.",
    check=_protection,
)

RULES: Final = (INGRESS, WILDCARDS, ENCRYPTION, PROTECTION)
