"""What readiness finds where everything is well; change an answer to plant a fault."""

from typing import Any

from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.recovery.control import ControlRecord, Phase
from payment_dr.recovery.ports import GlobalClusterView, LedgerView
from payment_dr.recovery.readiness_survey import (
    Concurrency,
    Drift,
    Quotas,
    ReadinessSurvey,
    SiteFacts,
    Unconfirmed,
    Verified,
)

EAST, WEST = SiteName("east"), SiteName("west")
CONTROL = ControlRecord(
    active=EAST, epoch=Epoch(3), phase=Phase.STEADY, move=None, version=1, changed_at=0.0
)
MEMBERS = GlobalClusterView(writer=EAST, available=frozenset({EAST, WEST}))
STANDBY = LedgerView(
    stamp=Stamp(epoch=Epoch(3), site=EAST), writable=False, receiving=True, lag_bytes=100
)


def facts(**changes: Any) -> SiteFacts:
    answers: dict[str, Any] = {
        "engine_version": "16.8",
        "parameters": {"rds.force_ssl": "1", "log_min_messages": "warning"},
        "packages": {"api": "sha", "poster": "sha"},
        "concurrency": {
            "api": Concurrency(reserved=100, provisioned=5, ready=5),
            "poster": Concurrency(reserved=1, provisioned=0, ready=0),
        },
    }
    return SiteFacts(**{**answers, **changes})


def found(**changes: Any) -> ReadinessSurvey:
    """At west, the standby."""
    answers: dict[str, Any] = {
        "site": WEST,
        "control": CONTROL,
        "members": MEMBERS,
        "standby": STANDBY,
        "unconfirmed": Unconfirmed(count=10, age_s=1.5),
        "here": facts(),
        "there": facts(),
        "secrets": {"payments-ledger-dev": "", "payments-provider-dev": ""},
        "keys": {"alias/payments-data-west-dev": ""},
        "quotas": Quotas(limit=1000, unreserved=800),
        "certificate_days": 200.0,
        "verified": Verified(run="2026-01-09", passed=True, age_s=3_600),
        "drill_age_s": 86_400.0,
        "drift": Drift(changes=0, age_s=3_600),
    }
    return ReadinessSurvey(**{**answers, **changes})
