"""What people may do who run `payment-dr` on AWS, by role: named actions on named resources.

Nobody here reads a card, makes an API key, changes a cluster's settings or deletes anything. The
ledger's secrets are for whoever moves: a look at the ledger needs its administrator's login, so
who only watches sees `no answer` there, and asks the readiness function's evidence instead.

DynamoDB decides by keys of items and not by what is in them: who may write the control record may
write anything into it. So an approver could open a move as well, and is kept from what promotes.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum, unique
from typing import Final

from payment_dr.adapters.audit_log import AUDIT_KEY
from payment_dr.adapters.control_table import CONTROL_KEY
from payment_dr.adapters.evidence_store import AUDIT, MOVES, REPORTS
from payment_dr.adapters.record_items import OPEN_INDEX, UNCONFIRMED_INDEX
from payment_dr.core.settings import Settings
from payment_dr.infra.constructs.policies import PolicyStatement
from payment_dr.infra.permission_parts import via
from payment_dr.infra.permissions_of_recovery import (
    append_to_run_log,
    clusters_read,
    move_global_cluster,
    observe_functions,
    start_move,
)
from payment_dr.infra.place import Place, places


@unique
class Person(StrEnum):
    """Who somebody is for payment-dr. Approvers and operators are observers as well."""

    OBSERVER = "observer"
    APPROVER = "approver"
    OPERATOR = "operator"


PURPOSES: Final[Mapping[Person, str]] = {
    Person.OBSERVER: "status, readiness, watch, audit and evidence; changes nothing",
    Person.APPROVER: "approve; beside the policy of an observer",
    Person.OPERATOR: "failover, switchover, failback, resume, abort; beside an observer's",
}
"""Commands of each role."""

Part = Callable[[Place], tuple[PolicyStatement, ...]]


def person_statements(person: Person, settings: Settings) -> tuple[PolicyStatement, ...]:
    """What the role adds, at both sites: a move is made from the one that is left.

    A managed policy holds 6,144 characters, so what observers may do is not said again.
    """
    return tuple(
        merged
        for part in _PARTS[person]
        for merged in _merged([part(place) for place in places(settings)])
    )


def _merged(of_sites: list[tuple[PolicyStatement, ...]]) -> list[PolicyStatement]:
    """One statement where the sites differ in resources alone, else one for each of them."""
    first, second = of_sites
    found: list[PolicyStatement] = []
    for here, there in zip(first, second, strict=True):
        if here.conditions == there.conditions:
            found.append(_with(here, here.resources + there.resources))
        else:
            found += [_with(here, here.resources), _with(there, there.resources, "Peer")]
    return found


def _with(one: PolicyStatement, resources: tuple[str, ...], suffix: str = "") -> PolicyStatement:
    return PolicyStatement(
        sid=f"{one.sid}{suffix}",
        actions=one.actions,
        resources=tuple(dict.fromkeys(resources)),
        conditions=one.conditions,
    )


def _of_keys(pattern: str) -> Mapping[str, Mapping[str, str]]:
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": pattern}}


def _sees(place: Place) -> tuple[PolicyStatement, ...]:
    """The control record, run logs, heartbeats and the audit log; how much is unconfirmed."""
    indexes = tuple(f"{place.table_arn}/index/{one}" for one in (UNCONFIRMED_INDEX, OPEN_INDEX))
    bucket = _bucket(place)
    return (
        PolicyStatement(
            sid="ReadControl",
            actions=("dynamodb:BatchGetItem", "dynamodb:GetItem"),
            resources=(place.table_arn,),
            conditions=_of_keys(f"{CONTROL_KEY}*"),
        ),
        PolicyStatement(sid="CountPayments", actions=("dynamodb:Query",), resources=indexes),
        PolicyStatement(sid="ReadEvidence", actions=("s3:GetObject",), resources=(f"{bucket}/*",)),
        PolicyStatement(sid="FindEvidence", actions=("s3:ListBucket",), resources=(bucket,)),
        PolicyStatement(
            sid="SeeMoves",
            actions=("states:DescribeExecution",),
            resources=(place.arn("states", f"execution:{place.name('recovery')}:*"),),
        ),
        *_keys(place, "kms:Decrypt"),
    )


def _writes_down(place: Place) -> tuple[PolicyStatement, ...]:
    """An entry of the audit log and its copy; both are written once, by a condition of the call."""
    return (
        PolicyStatement(
            sid="WriteAuditLog",
            actions=("dynamodb:PutItem",),
            resources=(place.table_arn,),
            conditions=_of_keys(f"{AUDIT_KEY}*"),
        ),
        PolicyStatement(
            sid="CopyAuditLog",
            actions=("s3:PutObject",),
            resources=(f"{_bucket(place)}/{AUDIT}*",),
        ),
        *_keys(place, "kms:GenerateDataKey", sid="SealWith"),
    )


def _writes_control(place: Place) -> tuple[PolicyStatement, ...]:
    return (
        PolicyStatement(
            sid="WriteControlRecord",
            actions=("dynamodb:PutItem",),
            resources=(place.table_arn,),
            conditions=_of_keys(CONTROL_KEY),
        ),
    )


def _moves(place: Place) -> tuple[PolicyStatement, ...]:
    """The steps of a move, run by the person's own process or by the site's state machine."""
    bucket = _bucket(place)
    return (
        append_to_run_log(place),
        PolicyStatement(
            sid="Reconcile",
            actions=("dynamodb:BatchGetItem", "dynamodb:GetItem"),
            resources=(place.table_arn,),
        ),
        move_global_cluster(place),
        PolicyStatement(
            sid="FileEvidence",
            actions=("s3:PutObject",),
            resources=(f"{bucket}/{MOVES}*", f"{bucket}/{REPORTS}*"),
        ),
        *start_move(place),
    )


def _logs_in(place: Place) -> tuple[PolicyStatement, ...]:
    """Secrets that steps read, and opening them with the key of secrets."""
    things = ("ledger", "ledger-admin", "canary")
    return (
        PolicyStatement(
            sid="ReadSecrets",
            actions=("secretsmanager:GetSecretValue",),
            resources=tuple(place.secret_arn(thing) for thing in things),
        ),
        PolicyStatement(
            sid="OpenSecrets",
            actions=("kms:Decrypt",),
            resources=(place.arn("kms", "key/*"),),
            conditions={
                "ForAnyValue:StringEquals": {
                    "kms:ResourceAliases": f"alias/{place.shared('secrets')}"
                },
                **via("secretsmanager", place),
            },
        ),
    )


def _keys(place: Place, action: str, *, sid: str = "OpenWith") -> tuple[PolicyStatement, ...]:
    """The site's key of data, through the services that store with it; found by its alias."""
    return tuple(
        PolicyStatement(
            sid=f"{sid}{word}",
            actions=(action,),
            resources=(place.arn("kms", "key/*"),),
            conditions={
                "ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{place.name('data')}"},
                **via(service, place),
            },
        )
        for word, service in (("Dynamodb", "dynamodb"), ("S3", "s3"))
    )


def _bucket(place: Place) -> str:
    return f"arn:aws:s3:::{place.name('evidence')}{place.bucket_suffix}"


def _observes(place: Place) -> tuple[PolicyStatement, ...]:
    """What readiness judges; functions by a pattern, as a policy has no room for each name."""
    return observe_functions(place, ("*",))


_PARTS: Final[Mapping[Person, tuple[Part, ...]]] = {
    Person.OBSERVER: (_sees, clusters_read, _observes),
    Person.APPROVER: (_writes_down, _writes_control),
    Person.OPERATOR: (_writes_down, _writes_control, _moves, _logs_in),
}
