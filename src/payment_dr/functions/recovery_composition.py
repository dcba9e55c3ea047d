"""The parts of a move put together: every port of the site where the plan runs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from dns.resolver import Resolver

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.canary import HttpCanary
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.code_version import code_sha256
from payment_dr.adapters.control_table import DynamoControlTable
from payment_dr.adapters.dns_routing import DnsRouting, ZoneAnswer, name_servers_of
from payment_dr.adapters.dynamodb import DynamoPaymentsTable, table_config
from payment_dr.adapters.evidence_store import S3EvidenceStore
from payment_dr.adapters.ledger_admin import PostgresLedgerAdmin
from payment_dr.adapters.postgres import LedgerLogin, PostgresLedger
from payment_dr.adapters.rds_cluster import CALL_S, RdsGlobalCluster
from payment_dr.adapters.side_by_side import side_by_side
from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.functions.composition import aws_client, ledger_login, secret_of
from payment_dr.functions.environment import Environment, needed
from payment_dr.functions.ledger_rebuild import OwnRebuild
from payment_dr.functions.peer_ledger import peer_ledger
from payment_dr.payments.jobs.reconcile import FencedError, reconcile
from payment_dr.payments.ports import Ledger, PaymentsTable
from payment_dr.payments.record import UNCONFIRMED_SHARDS
from payment_dr.recovery.about import About
from payment_dr.recovery.canonical import sha256_of
from payment_dr.recovery.ports import Heartbeats, Reconciled, World

_SERVICE_S: Final = 2.0
_LEDGER_S: Final = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerReconciler:
    """`recovery.ports.Reconciler` over the site's own ledger, which a move has promoted.

    `ledger` is asked at the first reconciliation: most processes never get there.
    """

    table: PaymentsTable
    ledger: Callable[[], Ledger]
    clock: Clock

    def reconcile(self, stamp: Stamp) -> Reconciled:
        """Post what is missing.

        Raises:
            UnavailableError: something did not answer, or the ledger carries another stamp; what
                was posted stays posted, and running it again goes on.
        """
        try:
            found = reconcile(
                self.table,
                self.ledger(),
                stamp,
                started_at=self.clock.now(),
                together=side_by_side,
            )
        except FencedError as error:
            raise UnavailableError(error.what, remedy=error.remedy) from error
        return Reconciled(seen=found.seen, posted=found.posted, money=found.money)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """What moves and their watcher need at one site; `close` ends its connections to ledgers."""

    environment: Environment
    world: World
    heartbeats: Heartbeats
    close: Callable[[], None]


def compose_recovery(
    environment: Environment, ledger: Callable[[], Ledger] | None = None
) -> Recovery:
    """Build the ports; connections are made when they are needed.

    Args:
        environment: of the site where plans will run.
        ledger: the site's own ledger, if the process has it already.

    Raises:
        SettingsError: the environment lacks what moves need.
    """
    settings = environment.settings
    own_url = needed(environment.own_url, "OWN_URL", "moves verify themselves through it")
    bucket = needed(environment.evidence_bucket, "EVIDENCE_BUCKET", "moves file what they did")
    clock = SystemClock()
    dynamodb = aws_client(
        environment,
        "dynamodb",
        table_config(settings.payments, connections=2 + UNCONFIRMED_SHARDS),
    )
    control = DynamoControlTable(dynamodb, settings.resource("table"))
    table = DynamoPaymentsTable(
        dynamodb,
        settings.resource("table"),
        clock=clock,
        deadline_s=settings.payments.table_timeout_s,
    )
    canary_key = secret_of(environment, "canary", clock)
    admin = secret_of(environment, "ledger-admin", clock)
    ledgers = PostgresLedgerAdmin(
        _logins(environment, admin, clock), timeout_s=_LEDGER_S, doubt=admin.doubt
    )
    own_ledger = _OwnLedger(environment, clock)
    rebuild = OwnRebuild(environment)
    world = World(
        control=control,
        clusters=RdsGlobalCluster(
            aws_client(environment, "rds", tight(CALL_S)),
            settings.resource("global"),
            {s.region: s.name for s in settings.sites},
        ),
        ledgers=ledgers,
        routing=_routing(environment, own_url),
        reconciler=LedgerReconciler(table=table, ledger=ledger or own_ledger.ledger, clock=clock),
        rebuilder=rebuild.rebuilder(),
        canary=HttpCanary(
            own_url=own_url,
            api_key=lambda: canary_key()["api_key"],
            table=table,
        ),
        evidence=S3EvidenceStore(aws_client(environment, "s3", tight(_SERVICE_S)), bucket),
        clock=clock,
        about=lambda: about(environment),
    )

    def close() -> None:
        ledgers.close()
        own_ledger.close()
        rebuild.close()

    return Recovery(environment=environment, world=world, heartbeats=control, close=close)


def about(environment: Environment) -> About:
    """Where a move runs, for its report."""
    settings = environment.settings
    return About(
        platform="aws" if environment.aws is None else "lab",
        environment=settings.environment_suffix,
        site=environment.site,
        regions={site.name: site.region for site in settings.sites},
        settings_sha256=sha256_of(settings.model_dump(mode="json")),
        code_sha256=code_sha256(),
        objectives=settings.objectives,
        detection_s=settings.probes.detection_s,
    )


class _OwnLedger:
    """The site's ledger on a pool of its own, made when it is first asked for."""

    def __init__(self, environment: Environment, clock: SystemClock) -> None:
        self._login = secret_of(environment, "ledger", clock)
        self._environment = environment
        self._made: PostgresLedger | None = None

    def ledger(self) -> Ledger:
        """The ledger."""
        if self._made is None:
            self._made = PostgresLedger(
                lambda: ledger_login(self._environment, self._login()),
                timeout_s=_LEDGER_S,
                connections=UNCONFIRMED_SHARDS,
                doubt=self._login.doubt,
            )
        return self._made

    def close(self) -> None:
        """Close the pool, if there is one."""
        if self._made is not None:
            self._made.close()


def _logins(
    environment: Environment, admin: Callable[[], dict[str, str]], clock: SystemClock
) -> dict[SiteName, Callable[[], LedgerLogin]]:
    """One secret for both: roles replicate with the ledger, so each cluster has the same."""
    own, peer = environment.site, environment.peer.name
    place = peer_ledger(environment, clock)
    return {
        own: lambda: ledger_login(environment, admin()),
        peer: lambda: ledger_login(replace(environment, ledger=place()), admin()),
    }


def _routing(environment: Environment, own_url: str) -> DnsRouting:
    settings, site = environment.settings, environment.site
    dns = environment.dns
    servers = (
        name_servers_of(settings.dns.name, Resolver())
        if dns is None
        else lambda: [(dns.host, dns.port)]
    )
    return DnsRouting(
        site=site,
        peer=environment.peer.name,
        name=settings.dns.name,
        zone=ZoneAnswer(servers),
        own_url=own_url,
        peer_health_url=environment.peer_health_url,
    )
