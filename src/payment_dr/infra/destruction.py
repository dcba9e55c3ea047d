"""Destroying an environment: everything is planned and judged before the first thing goes.

Half an environment is worse than a whole one or none, so what would stop a destruction on its
way is found first: protection against deletion, locks, a writer that is not at home.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import Settings
from payment_dr.infra.deployment import Deployment, Done, Planned, StoppedError
from payment_dr.infra.engine_stack import EngineStack, PlanResult
from payment_dr.infra.plan_guard import GUARDED
from payment_dr.infra.prevention import lift
from payment_dr.lint.document import ResourceChange
from payment_dr.lint.plan import region_of
from payment_dr.lint.values import listed, mapping, text

Values = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Obstacle:
    """What would stop a destruction; `first` is what to do before it, empty if nothing can be."""

    address: str
    why: str
    first: str

    def __str__(self) -> str:
        return f"{self.address} {self.why}" + (f"\n    first: {self.first}" if self.first else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Destruction:
    """All that would go.

    Attributes:
        plans: in the order of destruction: the reverse of the deployment's.
        holding: what holds data, as `STACK:ADDRESS` and what it holds.
        obstacles: what would stop it.
        must_be_empty: what is only destroyed when nothing is in it; no plan tells.
    """

    plans: tuple[tuple[EngineStack, PlanResult], ...]
    holding: tuple[tuple[str, str], ...]
    obstacles: tuple[Obstacle, ...]
    must_be_empty: tuple[str, ...]

    def require_clear(self) -> None:
        """Raise PaymentDrError if something would stop it, with what to do first."""
        if self.obstacles:
            raise PaymentDrError(
                "this would stop half-way, so nothing was destroyed:\n"
                + "\n".join(f"  {obstacle}" for obstacle in self.obstacles),
                remedy="clear these first, then run the same command",
            )


_PROTECTED: Final = "is protected against deletion"

_Rule = tuple[Callable[[Values], bool], str, str]

_CLUSTER: Final = "--db-cluster-identifier {cluster_identifier}"
_GLOBAL: Final = "--global-cluster-identifier {global_cluster_identifier}"


def _is(name: str) -> Callable[[Values], bool]:
    return lambda values: values.get(name) is True


_OBSTACLES: Final[Mapping[str, _Rule]] = {
    "aws_rds_cluster": (
        _is("deletion_protection"),
        _PROTECTED,
        f"aws rds modify-db-cluster {{region}} {_CLUSTER} --no-deletion-protection",
    ),
    "aws_rds_global_cluster": (
        _is("deletion_protection"),
        _PROTECTED,
        f"aws rds modify-global-cluster {{region}} {_GLOBAL} --no-deletion-protection",
    ),
    "aws_dynamodb_table": (
        _is("deletion_protection_enabled"),
        _PROTECTED,
        "aws dynamodb update-table {region} --table-name {name} --no-deletion-protection-enabled",
    ),
    "aws_backup_vault_lock_configuration": (
        lambda values: values.get("changeable_for_days") is not None,
        "is locked: nobody can delete its backups before they expire",
        "",
    ),
}
"""Type: whether such a resource stands in the way, why, and the command that clears it."""

_MUST_BE_EMPTY: Final = ("aws_s3_bucket", "aws_backup_vault", "aws_route53_zone")


def survey(deployment: Deployment, settings: Settings) -> Destruction:
    """Plan the destruction of every stack and judge it; nothing is destroyed.

    Raises:
        EngineError: a plan failed.
    """
    plans: list[tuple[EngineStack, PlanResult]] = []
    stacks = tuple(reversed(deployment.stacks))
    for number, stack in enumerate(stacks, start=1):
        deployment.audience.began(stack.name, number, len(stacks))
        opened = deployment.open(stack)
        lift(opened.directory)
        plan = opened.plan(destroy=True)
        deployment.audience.planned(Planned(plan=plan, dangers=()))
        plans.append((opened, plan))
    gone = [(f"{plan.stack}:{one.address}", one) for _, plan in plans for one in plan.changes]
    return Destruction(
        plans=tuple(plans),
        holding=tuple((name, GUARDED[one.type]) for name, one in gone if one.type in GUARDED),
        obstacles=tuple(
            obstacle
            for name, one in gone
            for obstacle in (*_protected(name, one), *_away(name, one, settings))
        ),
        must_be_empty=tuple(
            name
            for name, one in gone
            if one.type in _MUST_BE_EMPTY and _values(one).get("force_destroy") is not True
        ),
    )


def destroy(deployment: Deployment, destruction: Destruction) -> None:
    """Destroy what was surveyed.

    Raises:
        StoppedError: it failed on its way or was interrupted.
    """
    done: list[Done] = []
    for opened, plan in destruction.plans:
        start = time.monotonic()
        try:
            if not plan.empty:
                deployment.audience.applies(plan)
                opened.apply(plan)
        except PaymentDrError as error:
            raise StoppedError(opened.name, tuple(done), error) from error
        seconds = time.monotonic() - start
        done.append(Done(stack=opened.name, changed=not plan.empty, seconds=seconds))
        deployment.audience.done(done[-1])


def _protected(name: str, change: ResourceChange) -> list[Obstacle]:
    rule = _OBSTACLES.get(change.type)
    if rule is None:
        return []
    stands, why, first = rule
    values = _values(change)
    # A replica of a table has a protection of its own, in its own region.
    replicas = [
        {**values, **(replica := mapping(block)), "region": replica.get("region_name")}
        for block in listed(values.get("replica"))
    ]
    return [
        Obstacle(address=name, why=why, first=first.format_map(_Words(one)))
        for one in (values, *replicas)
        if stands(one)
    ]


def _away(name: str, change: ResourceChange, settings: Settings) -> list[Obstacle]:
    """After a failover the home cluster is the secondary, and cannot go before its primary."""
    if change.type != "aws_rds_global_cluster":
        return []
    writers = {
        region_of(text(mapping(member).get("db_cluster_arn")))
        for member in listed(_values(change).get("global_cluster_members"))
        if mapping(member).get("is_writer") is True
    }
    away = writers - {"", settings.site(settings.home).region}
    return [
        Obstacle(
            address=name,
            why=f"has its writer in {region}, which is destroyed before home",
            first="payment-dr failback",
        )
        for region in sorted(away)
    ]


def _values(change: ResourceChange) -> Values:
    return mapping(change.change.before)


class _Words(dict[str, str]):
    """Values of a resource for a command; what the state lacks is left for a person to fill in."""

    def __init__(self, values: Values) -> None:
        known = {name: text(value) for name, value in values.items() if text(value)}
        region = f"--region {known.get('region', 'REGION')}"
        super().__init__({**known, "region": region})

    def __missing__(self, key: str) -> str:
        return key.upper()
