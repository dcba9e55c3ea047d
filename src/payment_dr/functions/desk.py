"""What an operator needs at one site beside the ports of a move: audit log, evidence, readiness."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final, Protocol

from payment_dr.adapters.audit_log import DynamoAuditLog
from payment_dr.adapters.aws_calls import aws_errors, tight
from payment_dr.adapters.dynamodb import table_config
from payment_dr.adapters.evidence_store import S3EvidenceStore
from payment_dr.adapters.state_machine import Execution, StateMachine
from payment_dr.core.errors import UnavailableError
from payment_dr.functions.composition import aws_client
from payment_dr.functions.environment import Environment, needed
from payment_dr.functions.readiness import survey, target_items
from payment_dr.functions.state_machine_start import state_machine_arn
from payment_dr.recovery.audit import AuditLog
from payment_dr.recovery.execution import MachineInput
from payment_dr.recovery.ports import World
from payment_dr.recovery.readiness_items import Item, judge

_CALL_S: Final = 2.0


@unique
class Asked(StrEnum):
    """Where readiness asks. THIS_REGION: nothing in the other site's, as in a failover.

    TARGET: only what may refuse a failover by hand, and quickly.
    """

    BOTH_REGIONS = "both-regions"
    THIS_REGION = "this-region"
    TARGET = "target"


class AuditCopies(Protocol):
    """Where the site keeps its copies of the audit log."""

    def copy_of_audit(self, number: int, body: str) -> bool:
        """Store a copy; False if there is one of that number already."""
        ...


class Machine(Protocol):
    """The site's state machine."""

    def start(self, name: str, asked: MachineInput) -> bool:
        """Start an execution; False if there was one of that name."""
        ...

    def execution(self, name: str) -> Execution:
        """How it stands."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """One site's.

    Attributes:
        audit: the log in the payments table.
        copies: of it, in the site's bucket.
        machine: runs moves to this site.
        readiness: judges every item, of what was asked.
        identity: the caller as AWS knows it; None if it does not say.
    """

    audit: AuditLog
    copies: AuditCopies
    machine: Machine
    readiness: Callable[[World, Asked], tuple[Item, ...]]
    identity: Callable[[], str | None]


def compose_desk(environment: Environment, peer: Environment | None) -> Desk:
    """Build it; connections are made when they are needed.

    Args:
        environment: of the site.
        peer: of the other site, where it is known; on AWS it follows from this one.

    Raises:
        SettingsError: the environment has no bucket for evidence.
    """
    settings = environment.settings
    if peer is None and environment.aws is None:
        peer = replace(environment, site=environment.peer.name)
    there = peer
    dynamodb = aws_client(environment, "dynamodb", table_config(settings.payments, connections=2))

    def readiness(world: World, asked: Asked) -> tuple[Item, ...]:
        if asked is Asked.TARGET:
            return target_items(environment)
        return judge(survey(environment, world, there if asked is Asked.BOTH_REGIONS else None))

    return Desk(
        audit=DynamoAuditLog(dynamodb, settings.resource("table")),
        copies=evidence_of(environment),
        machine=StateMachine(
            aws_client(environment, "stepfunctions", tight(_CALL_S)),
            state_machine_arn(settings, environment.site),
        ),
        readiness=readiness,
        identity=lambda: _identity(environment),
    )


def evidence_of(environment: Environment) -> S3EvidenceStore:
    """The site's evidence.

    Raises:
        SettingsError: the environment has no bucket for it.
    """
    bucket = needed(environment.evidence_bucket, "EVIDENCE_BUCKET", "evidence lies there")
    return S3EvidenceStore(aws_client(environment, "s3", tight(_CALL_S)), bucket)


def _identity(environment: Environment) -> str | None:
    """Asked of the region's own STS: the global one is in us-east-1."""
    with suppress(UnavailableError), aws_errors("asking who calls", writes=False):
        client = aws_client(environment, "sts", tight(_CALL_S))
        arn: str = client.get_caller_identity()["Arn"]
        return arn
    return None
