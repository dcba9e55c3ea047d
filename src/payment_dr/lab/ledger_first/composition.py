"""The usual design's parts, put together once per process: no payments table, no control record."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from os import environ
from threading import Lock
from typing import Final

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.cached import Cached
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.dynamodb import table_config
from payment_dr.adapters.merchant_directory import MerchantDirectory
from payment_dr.adapters.rds_cluster import CALL_S, RdsGlobalCluster
from payment_dr.adapters.stripe_provider import StripeProvider
from payment_dr.core.stamp import Epoch
from payment_dr.functions.authentication import Authenticator
from payment_dr.functions.composition import (
    Composition,
    Role,
    aws_client,
    ledger_login,
    secret_of,
)
from payment_dr.functions.environment import Environment, environment_from
from payment_dr.functions.logs import configure_logs
from payment_dr.functions.merchants import merchant_parts
from payment_dr.lab.ledger_first.payments import PostgresPayments
from payment_dr.lab.ledger_first.untraced import UntracedProvider
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.ports import ControlView
from payment_dr.payments.service import PaymentService, Ports
from payment_dr.recovery.traffic import RECORD_AGE_S

KEYS_STALE_S: Final = 3_600.0
"""API keys are not what the designs differ in: this one knows them while their table is away."""

FIRST_EPOCH: Final = Epoch(1)
"""The only one: without a control record nothing counts moves."""


def compose(environment: Environment, role: Role) -> Composition:
    """Build every part; connections are made when they are needed."""
    clock = SystemClock()
    settings, limits = environment.settings, environment.settings.payments
    dynamodb = aws_client(environment, "dynamodb", table_config(limits, connections=role.threads))
    directory = MerchantDirectory(dynamodb, settings.resource("table"))
    provider_key = secret_of(environment, "provider", clock)
    login = secret_of(environment, "ledger", clock)
    provider = StripeProvider(
        lambda: provider_key()["api_key"],
        timeout_s=limits.provider_timeout_s,
        url=environment.provider_url,
    )
    # The commit is what the answer waits for, so it gets the time of the other design's table.
    payments = PostgresPayments(
        lambda: ledger_login(environment, login()),
        timeout_s=limits.table_timeout_s,
        connections=role.ledger_connections,
    )

    def check_health() -> None:
        payments.reach()
        provider.reach()

    global_cluster = RdsGlobalCluster(
        aws_client(environment, "rds", tight(CALL_S)),
        settings.resource("global"),
        {site.region: site.name for site in settings.sites},
    )

    def writer_left_home() -> bool:
        return global_cluster.describe().writer not in (None, settings.home)

    def no_control() -> ControlView:
        # Not steady: the decision has posted its entry already, nothing is posted after it.
        return ControlView(steady=False, active=settings.home, epoch=FIRST_EPOCH)

    ports = Ports(
        table=payments,
        ledger=payments,
        provider=UntracedProvider(provider=provider),
        clock=clock,
        control=no_control,
    )
    return Composition(
        environment=environment,
        ports=ports,
        service=PaymentService(
            ports,
            site=environment.site,
            owner=f"{environment.site}/{uuid.uuid4()}",
            limits=limits,
            breaker=CircuitBreaker(),
        ),
        control_now=no_control,
        merchants=replace(
            merchant_parts(
                limits,
                directory,
                clock=clock,
                login=lambda: ledger_login(environment, login()),
                webhooks=secret_of(environment, "webhooks", clock),
            ),
            identify=Authenticator(
                directory.key,
                mode=limits.mode,
                clock=clock,
                age_s=limits.key_age_s,
                stale_s=KEYS_STALE_S,
            ),
        ),
        check_health=Cached(
            check_health, clock=clock, age_s=min(1.0, settings.probes.interval_s / 2)
        ),
        # Clients do not follow a home that comes back as a replica.
        takeover_raised=Cached(writer_left_home, clock=clock, age_s=RECORD_AGE_S),
        spread=ThreadPoolExecutor(role.threads, thread_name_prefix="spread").map,
    )


_BUILDING: Final = Lock()


@cache
def _built(role: Role) -> Composition:
    configure_logs()
    return compose(environment_from(environ), role)


def composition(role: Role) -> Composition:
    """This process's parts in a role; the first caller builds them, the others wait."""
    with _BUILDING:
        return _built(role)
