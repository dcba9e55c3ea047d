"""Readiness as items, each judged by itself: could the standby take over now?

An item is ok, failed or unknown; unknown is never counted as ok. A blocking item that failed
forbids a planned move, and a few of them a failover by hand (`forbidding`); a warning tells what to
mend before it becomes one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, assert_never

from payment_dr.recovery import readiness_judges as judges
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.readiness import BlockingItem, Gate
from payment_dr.recovery.readiness_judges import Found, ItemState
from payment_dr.recovery.readiness_survey import ReadinessSurvey


@unique
class Severity(StrEnum):
    """BLOCKING: with it failed, a move to the standby may not end well."""

    BLOCKING = "blocking"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One judged item; `evidence` is what was found, `remedy` what to do unless it is ok."""

    name: str
    severity: Severity
    state: ItemState
    evidence: str
    remedy: str

    @property
    def blocks(self) -> bool:
        """Whether a planned move is to be refused because of it."""
        return self.severity is Severity.BLOCKING and self.state is ItemState.FAILED


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemKind:
    """An item before it is judged."""

    name: str
    severity: Severity
    remedy: str
    judge: Callable[[ReadinessSurvey], Found]


FORBID_A_FAILOVER: Final = frozenset({"secrets", "keys"})
"""Items that refuse a failover too, if a person asks for it: without the target's own secrets and
keys its ledger cannot be opened, and whoever asks can mend them or override by name. What else
blocks is no reason to stay at a site that is lost. A failover that detection opens is refused by
none: nobody is there to override, and accepting payments at the target is right whatever they say.
"""


def forbidding(items: tuple[Item, ...], kind: MoveKind) -> tuple[Item, ...]:
    """Those of the items that refuse a move of this kind that a person asks for."""
    match kind:
        case MoveKind.SWITCHOVER | MoveKind.FAILBACK:
            return tuple(item for item in items if item.blocks)
        case MoveKind.FAILOVER:
            return tuple(item for item in items if item.blocks and item.name in FORBID_A_FAILOVER)
        case MoveKind.REBUILD:
            return ()
        case unreachable:
            assert_never(unreachable)


def judge(survey: ReadinessSurvey) -> tuple[Item, ...]:
    """Every item, in the order of `ITEMS`."""
    return tuple(_judged(kind, kind.judge(survey)) for kind in ITEMS)


def blocking(items: tuple[Item, ...]) -> tuple[BlockingItem, ...]:
    """What refuses a planned move, in the form in which its other gates do."""
    return tuple(
        BlockingItem(gate=Gate.READINESS, says=f"{item.name}: {item.evidence}")
        for item in items
        if item.blocks
    )


def _judged(kind: ItemKind, found: Found) -> Item:
    return Item(
        name=kind.name,
        severity=Severity.BLOCKING if found.blocking else kind.severity,
        state=found.state,
        evidence=found.evidence,
        remedy=kind.remedy,
    )


ITEMS: Final[tuple[ItemKind, ...]] = (
    ItemKind(
        name="standby-member",
        severity=Severity.BLOCKING,
        remedy="payment-dr status; if a promotion left the old site behind, rebuild it",
        judge=judges.members,
    ),
    ItemKind(
        name="replication-lag",
        severity=Severity.BLOCKING,
        remedy="wait; if it does not fall, look for long transactions and at the link",
        judge=judges.lag,
    ),
    ItemKind(
        name="unconfirmed-count",
        severity=Severity.WARNING,
        remedy="see that poster and confirmer run: their alarms and logs",
        judge=judges.unconfirmed_count,
    ),
    ItemKind(
        name="unconfirmed-age",
        severity=Severity.WARNING,
        remedy="see that poster and confirmer run: their alarms and logs",
        judge=judges.unconfirmed_age,
    ),
    ItemKind(
        name="engine-versions",
        severity=Severity.BLOCKING,
        remedy="upgrade the other member as well: the secondary first, then the writer",
        judge=judges.engines,
    ),
    ItemKind(
        name="parameter-groups",
        severity=Severity.WARNING,
        remedy="deploy both sites from the same settings: payment-dr deploy",
        judge=judges.parameters,
    ),
    ItemKind(
        name="secrets",
        severity=Severity.BLOCKING,
        remedy="aws secretsmanager describe-secret; replicate it again",
        judge=judges.secrets,
    ),
    ItemKind(
        name="keys",
        severity=Severity.BLOCKING,
        remedy="enable the key, or cancel its deletion: aws kms",
        judge=judges.keys,
    ),
    ItemKind(
        name="function-packages",
        severity=Severity.BLOCKING,
        remedy="deploy the same package to both sites: payment-dr deploy",
        judge=judges.packages,
    ),
    ItemKind(
        name="concurrency",
        severity=Severity.BLOCKING,
        remedy="deploy both sites from the same settings: payment-dr deploy",
        judge=judges.concurrency,
    ),
    ItemKind(
        name="quotas",
        severity=Severity.WARNING,
        remedy="ask for a higher quota of concurrent executions in this region",
        judge=judges.quotas,
    ),
    ItemKind(
        name="certificate",
        severity=Severity.WARNING,
        remedy="see why ACM does not renew it: its validation records in the zone",
        judge=judges.certificate,
    ),
    ItemKind(
        name="backup-verification",
        severity=Severity.WARNING,
        remedy="read the newest file under verifications/ in the evidence bucket",
        judge=judges.backups,
    ),
    ItemKind(
        name="last-drill",
        severity=Severity.WARNING,
        remedy="hold a drill: payment-dr switchover, then payment-dr failback",
        judge=judges.drill,
    ),
    ItemKind(
        name="plan-drift",
        severity=Severity.WARNING,
        remedy="payment-dr diff; then deploy, or take the change back",
        judge=judges.drift,
    ),
)
