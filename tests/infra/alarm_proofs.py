"""For each alarm: what is measured in health and under its fault, and what silence must mean.

Written by hand and not from the definitions: namespaces, names and dimensions are those that AWS
and our functions publish, so that an alarm on a metric which nobody publishes is found.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto, unique
from typing import Final

from infra.healthy_hour import SETTINGS
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.lab.alarms.model import Metric, State


@unique
class Silence(Enum):
    """What no datapoint at all must do to an alarm: its state after health, and after its fault."""

    RAISES = (State.ALARM, State.ALARM)
    ENDS = (State.OK, State.OK)
    HOLDS = (State.OK, State.ALARM)


@unique
class How(Enum):
    """How the fault is shown."""

    LAB = auto()
    """Made in a running lab as well, by `tests/lab/test_alarms_of_a_lab.py`."""
    PLANTED = auto()
    """By planted lines alone: no lab runs what measures it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A metric and its values in each minute in which it is measured."""

    metric: Metric
    values: tuple[float, ...]
    every_minutes: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """One alarm's.

    Attributes:
        fault: in words, for the page.
        ill: what is measured under the fault; nothing where silence is the fault.
        well: what is measured in health; where it is empty, the recorded hour.
    """

    alarm: str
    fault: str
    how: How
    silence: Silence
    ill: tuple[Measured, ...] = ()
    well: tuple[Measured, ...] = ()


def proofs(site: str) -> Mapping[str, Proof]:
    """The proof of each alarm of a site by its short name; composites have tests of their own."""
    return {proof.alarm: proof for proof in (*_service(site), *_functions(site), *_recovery(site))}


def metric(site: str, namespace: str, name: str) -> Metric:
    """A metric as it is published."""
    peer = SETTINGS.peer(site).region
    dimensions: Mapping[str, Mapping[str, str]] = {
        "PaymentDR": {"Site": site},
        "AWS/ApiGateway": {"ApiId": f"payments-api-{site}-dev"},
        "AWS/RDS": {"DBClusterIdentifier": f"payments-cluster-{site}-dev"},
        "AWS/SQS": {"QueueName": f"payments-dead-letters-{site}-dev"},
    }
    found = dict(dimensions[namespace])
    if name.startswith("AuroraGlobalDB"):
        found["SourceRegion"] = peer
    if name in {"DatabaseConnectionsCurrentlyBorrowed", "MaxDatabaseConnectionsAllowed"}:
        found = {"ProxyName": f"payments-proxy-{site}-dev"}
    return Metric(namespace=namespace, name=name, dimensions=frozenset(found.items()))


def of_function(site: str, function: str, name: str) -> Metric:
    """A metric of a function as Lambda publishes it."""
    dimensions = frozenset({("FunctionName", f"payments-{function}-{site}-dev")})
    return Metric(namespace="AWS/Lambda", name=name, dimensions=dimensions)


REQUESTS: Final = 400
"""In a minute; a p99 over five minutes needs a thousand."""


def _service(site: str) -> Iterator[Proof]:
    api, rds = "AWS/ApiGateway", "AWS/RDS"

    def one(namespace: str, name: str, *values: float) -> tuple[Measured, ...]:
        return (Measured(metric=metric(site, namespace, name), values=values),)

    yield Proof(
        alarm="api-errors",
        fault="the provider of payments refuses every connection",
        how=How.LAB,
        silence=Silence.ENDS,
        ill=(
            *one(api, "5xx", *[1.0] * 8, *[0.0] * (REQUESTS - 8)),
            *one(api, "Count", *[1.0] * REQUESTS),
        ),
    )
    yield Proof(
        alarm="api-latency",
        fault="the provider of payments answers late",
        how=How.PLANTED,
        silence=Silence.ENDS,
        ill=one(api, "Latency", *[20_000.0] * 8, *[90.0] * (REQUESTS - 8)),
        well=one(api, "Latency", *[90.0] * REQUESTS),
    )
    for alarm, name, ill in (
        ("unconfirmed-age", "UnconfirmedAgeSeconds", 400),
        ("unconfirmed-count", "UnconfirmedPayments", 200_000),
        ("webhooks-late", "WebhookOldestPendingSeconds", 400),
    ):
        yield Proof(
            alarm=alarm,
            fault={
                "unconfirmed-age": "replication of the ledger stands still",
                "unconfirmed-count": "the same, under load for hours",
                "webhooks-late": "the deliverer cannot keep up with what is due",
            }[alarm],
            how=How.LAB if alarm == "unconfirmed-age" else How.PLANTED,
            silence=Silence.ENDS,
            ill=one("PaymentDR", name, ill),
            well=one("PaymentDR", name, 20),
        )
    yield Proof(
        alarm="webhooks-dead",
        fault="an endpoint refuses an event at its last attempt",
        how=How.PLANTED,
        silence=Silence.ENDS,
        ill=one("PaymentDR", "WebhookGivenUp", 1),
        well=one("PaymentDR", "WebhookGivenUp", 0),
    )
    yield Proof(
        alarm="poster-silent",
        fault="the host of the scheduled functions is killed",
        how=How.LAB,
        silence=Silence.RAISES,
    )
    for kind, name in (
        ("rpo", "AuroraGlobalDBRPOLag"),
        ("replication", "AuroraGlobalDBReplicationLag"),
        ("progress", "AuroraGlobalDBProgressLag"),
    ):
        yield Proof(
            alarm=f"ledger-{kind}-lag",
            fault="the link of replication between the two PostgreSQL servers is silent",
            how=How.LAB,
            silence=Silence.ENDS,
            ill=one(rds, name, 15_000),
            well=one(rds, name, 80),
        )
    yield Proof(
        alarm="ledger-cpu",
        fault="PostgreSQL is killed and measures nothing; or it is busy",
        how=How.LAB,
        silence=Silence.RAISES,
        ill=one(rds, "CPUUtilization", 20, 95),
    )
    yield Proof(
        alarm="ledger-connections",
        fault="connections are opened and never closed",
        how=How.PLANTED,
        silence=Silence.ENDS,
        ill=one(rds, "DatabaseConnections", 4900),
    )
    borrowed, allowed = "DatabaseConnectionsCurrentlyBorrowed", "MaxDatabaseConnectionsAllowed"
    yield Proof(
        alarm="proxy-connections",
        fault="functions hold what the proxy lends",
        how=How.PLANTED,
        silence=Silence.ENDS,
        ill=(*one(rds, borrowed, 900), *one(rds, allowed, 1000)),
        well=(*one(rds, borrowed, 30), *one(rds, allowed, 1000)),
    )


def _functions(site: str) -> Iterator[Proof]:
    for function in FUNCTIONS:
        in_lab = function.name in {"poster", "confirmer", "sweeper", "webhooks"}
        yield Proof(
            alarm=f"errors-{function.name}",
            fault="the payments table's region is isolated" if in_lab else "calls raise",
            how=How.LAB if in_lab else How.PLANTED,
            silence=Silence.ENDS,
            ill=(Measured(metric=of_function(site, function.name, "Errors"), values=(0, 1)),),
            well=(Measured(metric=of_function(site, function.name, "Errors"), values=(0, 0)),),
        )
        if not function.single:
            throttles = of_function(site, function.name, "Throttles")
            yield Proof(
                alarm=f"throttles-{function.name}",
                fault="more calls at once than are reserved",
                how=How.PLANTED,
                silence=Silence.ENDS,
                ill=(Measured(metric=throttles, values=(0, 1)),),
                well=(Measured(metric=throttles, values=(0, 0)),),
            )
    visible = metric(site, "AWS/SQS", "ApproximateNumberOfMessagesVisible")
    yield Proof(
        alarm="dead-letters",
        fault="a call that nobody waits for has failed for good",
        how=How.PLANTED,
        silence=Silence.ENDS,
        ill=(Measured(metric=visible, values=(1,)),),
        well=(Measured(metric=visible, values=(0,)),),
    )


def _recovery(site: str) -> Iterator[Proof]:
    def ours(name: str, value: float, every_minutes: int = 5) -> tuple[Measured, ...]:
        found = metric(site, "PaymentDR", name)
        return (Measured(metric=found, values=(value,), every_minutes=every_minutes),)

    yield Proof(
        alarm="watcher-silent",
        fault="the host of the scheduled functions is killed",
        how=How.LAB,
        silence=Silence.RAISES,
    )
    if site != SETTINGS.home:
        yield Proof(
            alarm="takeover",
            fault="a move leads clients away from home",
            how=How.PLANTED,
            silence=Silence.HOLDS,
            ill=ours("TakeoverRaised", 1, 1),
        )
    yield Proof(
        alarm="peer-lost",
        fault="readiness finds that the other site does not answer and DNS leads here",
        how=How.PLANTED,
        silence=Silence.ENDS,
        ill=ours("PeerLost", 1),
        well=ours("PeerLost", 0),
    )
    yield Proof(
        alarm="readiness-blocking",
        fault="an item of readiness blocks",
        how=How.PLANTED,
        silence=Silence.HOLDS,
        ill=ours("ReadinessBlocking", 1),
        well=ours("ReadinessBlocking", 0),
    )
    yield Proof(
        alarm="readiness-absent",
        fault="nobody judges readiness",
        how=How.LAB,
        silence=Silence.RAISES,
        well=ours("ReadinessBlocking", 0),
    )
    yield Proof(
        alarm="readiness-unknown",
        fault="an item of readiness cannot be judged",
        how=How.PLANTED,
        silence=Silence.HOLDS,
        ill=ours("ReadinessUnknown", 1),
        well=ours("ReadinessUnknown", 0),
    )
    yield Proof(
        alarm="certificate-days",
        fault="a certificate has 12 days left",
        how=How.PLANTED,
        silence=Silence.HOLDS,
        ill=ours("CertificateDaysLeft", 12),
        well=ours("CertificateDaysLeft", 300),
    )
    yield Proof(
        alarm="backup-failed",
        fault="a restored backup does not pass its checks",
        how=How.PLANTED,
        silence=Silence.HOLDS,
        ill=ours("BackupVerified", 0, 24 * 60),
        well=ours("BackupVerified", 1, 24 * 60),
    )
    yield Proof(
        alarm="backup-absent",
        fault="no backup is verified",
        how=How.PLANTED,
        silence=Silence.RAISES,
        well=ours("BackupVerified", 1, 24 * 60),
    )
