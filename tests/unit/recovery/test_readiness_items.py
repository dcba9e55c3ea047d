"""Readiness: all is well, or the item at fault is named with what was found; unknown is not ok."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.readiness import CONTROL, EAST, MEMBERS, STANDBY, WEST, facts, found
from payment_dr.recovery.control import MoveKind, Phase
from payment_dr.recovery.ports import GlobalClusterView
from payment_dr.recovery.readiness import LAG_BYTES_MAX, OVERRIDABLE, Gate
from payment_dr.recovery.readiness_items import (
    FORBID_A_FAILOVER,
    ITEMS,
    Item,
    Severity,
    blocking,
    forbidding,
    judge,
)
from payment_dr.recovery.readiness_judges import (
    CERTIFICATE_DAYS_MIN,
    DRIFT_AGE_S_MAX,
    DRILL_AGE_S_MAX,
    UNCONFIRMED_AGE_S_MAX,
    UNCONFIRMED_MAX,
    VERIFIED_AGE_S_MAX,
    ItemState,
)
from payment_dr.recovery.readiness_survey import (
    Concurrency,
    Drift,
    Quotas,
    Unconfirmed,
    Unknown,
    Verified,
)

COLD = {"api": Concurrency(reserved=100, provisioned=5, ready=2)}
ROOMLESS = {"api": Concurrency(reserved=10, provisioned=5, ready=5)}


def not_ok(**changes: Any) -> list[Item]:
    return [item for item in judge(found(**changes)) if item.state is not ItemState.OK]


def test_when_all_is_well_every_item_is_ok_and_nothing_blocks() -> None:
    items = judge(found())
    assert {item.state for item in items} == {ItemState.OK}
    assert len(items) == len(ITEMS) == 15
    assert not blocking(items)


BLOCKING, WARNING = Severity.BLOCKING, Severity.WARNING
FAULTS: list[tuple[str, Severity, dict[str, Any], str]] = [
    ("standby-member", BLOCKING, {"members": replace(MEMBERS, writer=WEST)}, "writer is west"),
    (
        "standby-member",
        BLOCKING,
        {"members": replace(MEMBERS, available=frozenset({EAST}))},
        "available: east",
    ),
    (
        "standby-member",
        BLOCKING,
        {"members": GlobalClusterView(writer=None, available=frozenset())},
        "available: none",
    ),
    (
        "replication-lag",
        BLOCKING,
        {"standby": replace(STANDBY, lag_bytes=LAG_BYTES_MAX + 1)},
        "bytes behind",
    ),
    ("replication-lag", BLOCKING, {"standby": replace(STANDBY, receiving=False)}, "bytes behind"),
    ("replication-lag", BLOCKING, {"standby": replace(STANDBY, lag_bytes=None)}, "nothing"),
    (
        "unconfirmed-count",
        WARNING,
        {"unconfirmed": Unconfirmed(count=UNCONFIRMED_MAX + 1, age_s=0)},
        "100001 records",
    ),
    (
        "unconfirmed-age",
        WARNING,
        {"unconfirmed": Unconfirmed(count=1, age_s=UNCONFIRMED_AGE_S_MAX + 1)},
        "901 s old",
    ),
    ("engine-versions", BLOCKING, {"there": facts(engine_version="16.6")}, "16.8 here, 16.6"),
    (
        "parameter-groups",
        WARNING,
        {"there": facts(parameters={"rds.force_ssl": "0", "log_min_messages": "warning"})},
        "1 differ: rds.force_ssl is 1 here, 0 there",
    ),
    (
        "parameter-groups",
        WARNING,
        {"here": facts(parameters={})},
        "log_min_messages is None here",
    ),
    ("secrets", BLOCKING, {"secrets": {"payments-ledger-dev": "is not in this region"}}, "ledger"),
    ("keys", BLOCKING, {"keys": {"alias/k": "is PendingDeletion"}}, "alias/k: is PendingDeletion"),
    (
        "function-packages",
        BLOCKING,
        {"there": facts(packages={"api": "old", "poster": "old"})},
        "2 differ: api is sha here, old there",
    ),
    (
        "function-packages",
        BLOCKING,
        {"here": facts(packages={"api": "new", "poster": "sha"})},
        "2 different packages here",
    ),
    ("concurrency", BLOCKING, {"here": facts(concurrency=COLD)}, "not warm yet: api 2 of 5"),
    ("concurrency", BLOCKING, {"there": facts(concurrency=ROOMLESS)}, "api is (100, 5) here"),
    ("quotas", WARNING, {"quotas": Quotas(limit=200, unreserved=99)}, "99 of 200"),
    ("certificate", WARNING, {"certificate_days": CERTIFICATE_DAYS_MIN - 1}, "29.0 days left"),
    ("certificate", BLOCKING, {"certificate_days": -2.0}, "expired 2.0 days ago"),
    ("certificate", BLOCKING, {"certificate_days": None}, "there is none"),
    ("backup-verification", WARNING, {"verified": None}, "ever verified"),
    (
        "backup-verification",
        WARNING,
        {"verified": Verified(run="2026-01-09", passed=False, age_s=60)},
        "2026-01-09 did not pass",
    ),
    (
        "backup-verification",
        WARNING,
        {"verified": Verified(run="2026-01-01", passed=True, age_s=VERIFIED_AGE_S_MAX + 1e5)},
        "3.2 days old",
    ),
    ("last-drill", WARNING, {"drill_age_s": None}, "no evidence of any"),
    ("last-drill", WARNING, {"drill_age_s": DRILL_AGE_S_MAX + 86_400}, "91.0 days old"),
    ("plan-drift", WARNING, {"drift": Drift(changes=2, age_s=60)}, "would change 2 resources"),
]


@pytest.mark.parametrize(("name", "severity", "fault", "says"), FAULTS)
def test_each_fault_fails_its_own_item_and_no_other(
    name: str, severity: Severity, fault: dict[str, Any], says: str
) -> None:
    (item,) = not_ok(**fault)
    assert (item.name, item.severity, item.state) == (name, severity, ItemState.FAILED)
    assert says in item.evidence
    assert item.remedy


def test_every_item_has_been_shown_failing() -> None:
    assert {name for name, *_ in FAULTS} == {kind.name for kind in ITEMS}


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        ("control", {"standby-member"}),
        ("members", {"standby-member"}),
        ("standby", {"replication-lag"}),
        ("unconfirmed", {"unconfirmed-count", "unconfirmed-age"}),
        ("secrets", {"secrets"}),
        ("keys", {"keys"}),
        ("quotas", {"quotas"}),
        ("certificate_days", {"certificate"}),
        ("verified", {"backup-verification"}),
        ("drill_age_s", {"last-drill"}),
        ("drift", {"plan-drift"}),
    ],
)
def test_without_an_answer_an_item_is_unknown_and_says_which_call_it_was(
    answer: str, names: set[str]
) -> None:
    items = not_ok(**{answer: Unknown(why="kms:DescribeKey alias/k: timed out")})
    assert {item.name for item in items} == names
    assert {item.state for item in items} == {ItemState.UNKNOWN}
    assert {item.evidence for item in items} == {"kms:DescribeKey alias/k: timed out"}
    assert not blocking(tuple(items))


@pytest.mark.parametrize("side", ["here", "there"])
def test_a_site_that_does_not_answer_leaves_what_must_be_equal_unknown(side: str) -> None:
    gone = Unknown(why="rds: connect timeout")
    none = facts(engine_version=gone, parameters=gone, packages=gone, concurrency=gone)
    items = not_ok(**{side: none})
    assert [item.name for item in items] == [
        "engine-versions",
        "parameter-groups",
        "function-packages",
        "concurrency",
    ]
    assert {item.state for item in items} == {ItemState.UNKNOWN}


def test_during_a_move_who_is_the_writer_is_unknown() -> None:
    (item,) = not_ok(control=replace(CONTROL, phase=Phase.MOVING))
    assert (item.name, item.state) == ("standby-member", ItemState.UNKNOWN)


def test_a_plan_of_long_ago_is_unknown_whatever_it_says() -> None:
    (item,) = not_ok(drift=Drift(changes=0, age_s=DRIFT_AGE_S_MAX + 1))
    assert item.state is ItemState.UNKNOWN
    assert "too old" in item.evidence


def test_what_blocks_refuses_a_move_as_the_other_gates_do_and_may_be_overridden() -> None:
    items = judge(found(keys={"alias/k": "is Disabled"}, drill_age_s=None))
    (reason,) = blocking(items)
    assert (reason.gate, reason.says) == (Gate.READINESS, "keys: alias/k: is Disabled")
    assert reason.gate in OVERRIDABLE


def test_what_forbids_a_move_depends_on_its_kind() -> None:
    items = tuple(
        Item(
            name=kind.name,
            severity=kind.severity,
            state=ItemState.FAILED,
            evidence="",
            remedy="",
        )
        for kind in ITEMS
    )
    planned = {item.name for item in forbidding(items, MoveKind.SWITCHOVER)}
    assert planned == {kind.name for kind in ITEMS if kind.severity is Severity.BLOCKING}
    assert {item.name for item in forbidding(items, MoveKind.FAILBACK)} == planned
    assert {item.name for item in forbidding(items, MoveKind.FAILOVER)} == FORBID_A_FAILOVER
    assert planned > FORBID_A_FAILOVER
    assert not forbidding(items, MoveKind.REBUILD)
    unknown = tuple(replace(item, state=ItemState.UNKNOWN) for item in items)
    assert not any(forbidding(unknown, kind) for kind in MoveKind)
