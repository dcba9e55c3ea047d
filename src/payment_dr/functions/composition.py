"""The real parts put together, once per process; every thread of it shares them.

Built at the first call of a handler and not at import, so that importing a handler has no effect.
"""

import random
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from os import environ
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, assert_never

import botocore.session

from payment_dr.adapters.acquirer_provider import AcquirerProvider
from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.cached import Cached
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.control_table import DynamoControlTable
from payment_dr.adapters.dynamodb import DynamoPaymentsTable, table_config
from payment_dr.adapters.dynamodb_answers import read_plainly
from payment_dr.adapters.ledger_roles import API_USER
from payment_dr.adapters.ledger_tokens import token_login
from payment_dr.adapters.merchant_directory import MerchantDirectory
from payment_dr.adapters.postgres import LedgerLogin, PostgresLedger
from payment_dr.adapters.secrets import read_secret
from payment_dr.adapters.stripe_provider import StripeProvider
from payment_dr.core.deployment_settings import LedgerAuthentication
from payment_dr.core.provider_kind import ProviderKind
from payment_dr.functions.environment import Environment, environment_from, needed
from payment_dr.functions.logs import configure_logs
from payment_dr.functions.merchants import MerchantParts, merchant_parts
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.guarded_provider import FAILURES_MAX, GuardedProvider
from payment_dr.payments.jobs.walk import Spread
from payment_dr.payments.ports import ControlView
from payment_dr.payments.service import PaymentService, Ports
from payment_dr.recovery.control import ControlRecord, Phase
from payment_dr.recovery.traffic import RECORD_AGE_S, takeover_raised

if TYPE_CHECKING:
    from botocore.config import Config

CONTROL_AGE_S: Final = 1.0
"""How old the control record may be that a request goes by; the ledger's stamp does the fencing."""

_SECRET_AGE_S: Final = 60.0
_SECRET_STALE_S: Final = 3600.0
_SECRET_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerAccess:
    """How a process logs in: asked for each connection, and told when the answer was refused."""

    login: Callable[[], LedgerLogin]
    doubt: Callable[[], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """What differs between processes.

    Attributes:
        threads: calls that may be under way at once; bounds every pool of connections.
        ledger_connections: upper bound of connections to the ledger.
        posting_s: longest time of one call to the ledger; None for the budget of a request.
        access: how it logs in to the ledger of its site.
    """

    threads: int
    ledger_connections: int
    posting_s: float | None
    access: Callable[[Environment, SystemClock], LedgerAccess]


@dataclass(frozen=True, kw_only=True, slots=True)
class Composition:
    """One process's parts.

    Attributes:
        ports: the world, with a control record of up to `CONTROL_AGE_S`.
        control_now: a strong read each time.
        merchants: who they are, their books, their webhooks.
        check_health: returns when this site can accept payments, else raises UnavailableError.
        takeover_raised: whether clients are to leave home, by a strong read of up to
            `RECORD_AGE_S` ago; UnavailableError when there is none.
        spread: runs one act per record on several threads.
        provider_secret: the secret `provider`.
        close: ends connections and threads; for programs, a function never does.
    """

    environment: Environment
    ports: Ports
    service: PaymentService
    control_now: Callable[[], ControlView]
    merchants: MerchantParts
    check_health: Callable[[], None]
    takeover_raised: Callable[[], bool]
    spread: Spread
    provider_secret: Callable[[], Mapping[str, str]] = dict
    close: Callable[[], None] = lambda: None


_BUILDING: Final = Lock()
_MAKING_CLIENTS: Final = Lock()


@cache
def _session() -> Any:
    """One session for all clients: a second client of it takes 4 ms of CPU to make, not 60."""
    return botocore.session.get_session()


def aws_client(environment: Environment, service: str, config: "Config") -> Any:
    """A client of the site's own region; botocore's own, which starts sooner than through boto3."""
    options: dict[str, Any] = {"region_name": environment.here.region, "config": config}
    if environment.aws is not None:
        options |= {
            "endpoint_url": environment.aws.endpoint_url,
            "aws_access_key_id": environment.aws.access_key_id,
            "aws_secret_access_key": environment.aws.secret_access_key,
        }
    # Clients may be shared between threads, the making of them may not.
    with _MAKING_CLIENTS:
        client = _session().create_client(service, **options)
    if service == "dynamodb":
        read_plainly(client)
    return client


def secret_of(environment: Environment, thing: str, clock: SystemClock) -> Cached[dict[str, str]]:
    """A reader of the site's copy of a secret; it outlives an outage of its service by an hour."""
    client = aws_client(environment, "secretsmanager", tight(_SECRET_TIMEOUT_S))
    name = environment.settings.resource(thing)
    return Cached(
        lambda: read_secret(client, name),
        clock=clock,
        age_s=_SECRET_AGE_S,
        stale_s=_SECRET_STALE_S,
    )


def ledger_login(environment: Environment, secret: Mapping[str, str]) -> LedgerLogin:
    """How the site logs in to its own cluster, with what its secret says."""
    return LedgerLogin(
        host=environment.ledger.host,
        port=environment.ledger.port,
        user=secret["username"],
        password=secret["password"],
        tls=environment.aws is None,
    )


def takes_tokens(environment: Environment) -> bool:
    """Whether the payment API logs in by tokens of IAM; a lab's PostgreSQL knows none."""
    chosen = environment.settings.database.authentication
    return environment.aws is None and chosen is LedgerAuthentication.IAM


def by_password(environment: Environment, clock: SystemClock) -> LedgerAccess:
    """With the site's copy of the rotated secret."""
    secret = secret_of(environment, "ledger", clock)
    return LedgerAccess(
        login=lambda: ledger_login(environment, secret()),
        doubt=secret.doubt,
    )


def by_token(environment: Environment, clock: SystemClock) -> LedgerAccess:
    """With a token of IAM for each connection, where the settings and the place allow it."""
    if not takes_tokens(environment):
        return by_password(environment, clock)
    client = aws_client(environment, "rds", tight(_SECRET_TIMEOUT_S))
    host, port = environment.ledger.host, environment.ledger.port
    return LedgerAccess(
        login=lambda: token_login(client, host, port, API_USER),
        doubt=lambda: None,  # the next token is another one anyway
    )


API: Final = Role(threads=32, ledger_connections=8, posting_s=None, access=by_token)
JOBS: Final = Role(threads=8, ledger_connections=4, posting_s=5.0, access=by_password)


def compose(environment: Environment, role: Role) -> Composition:
    """Build every part; connections are made when they are needed."""
    clock = SystemClock()
    settings, limits = environment.settings, environment.settings.payments
    dynamodb = aws_client(environment, "dynamodb", table_config(limits, connections=role.threads))
    table = settings.resource("table")
    control = DynamoControlTable(dynamodb, table)
    provider_secret = secret_of(environment, "provider", clock)
    access, provider = role.access(environment, clock), provider_of(environment, provider_secret)
    ledger = PostgresLedger(
        access.login,
        timeout_s=role.posting_s or limits.posting_budget_s,
        connections=role.ledger_connections,
        doubt=access.doubt,
    )
    threads = ThreadPoolExecutor(role.threads, thread_name_prefix="spread")
    merchants = merchant_parts(
        limits,
        MerchantDirectory(dynamodb, table),
        clock=clock,
        login=access.login,
        webhooks=secret_of(environment, "webhooks", clock),
    )

    def control_now() -> ControlView:
        return _view(control.read())

    def check_health() -> None:
        control.read()
        provider.reach()

    def close() -> None:
        threads.shutdown()
        ledger.close()
        merchants.close()
        provider.close()

    ports = Ports(
        table=DynamoPaymentsTable(dynamodb, table, clock=clock, deadline_s=limits.table_timeout_s),
        ledger=ledger,
        provider=GuardedProvider(
            provider=provider,
            breaker=CircuitBreaker(failures_max=FAILURES_MAX),
            clock=clock,
            attempt_s=limits.provider_timeout_s,
            # The claim before it and the decision after it need their time too.
            budget_s=limits.request_deadline_s - 2 * limits.table_timeout_s,
            chance=random.random,
        ),
        clock=clock,
        control=Cached(control_now, clock=clock, age_s=CONTROL_AGE_S),
    )
    return Composition(
        environment=environment,
        ports=ports,
        service=_service(environment, ports),
        control_now=control_now,
        merchants=merchants,
        check_health=Cached(
            check_health, clock=clock, age_s=min(1.0, settings.probes.interval_s / 2)
        ),
        takeover_raised=Cached(
            lambda: takeover_raised(control.read(), settings.home), clock=clock, age_s=RECORD_AGE_S
        ),
        spread=threads.map,
        provider_secret=provider_secret,
        close=close,
    )


def provider_of(
    environment: Environment, secret: Callable[[], Mapping[str, str]]
) -> StripeProvider | AcquirerProvider:
    """The provider that the settings name; `secret` is asked for its key at each call.

    Raises:
        SettingsError: it has no address of its own and the environment names none.
    """
    limits = environment.settings.payments
    match limits.provider:
        case ProviderKind.STRIPE:
            return StripeProvider(
                lambda: secret()["api_key"],
                timeout_s=limits.provider_timeout_s,
                url=environment.provider_url,
            )
        case ProviderKind.ACQUIRER:
            return AcquirerProvider(
                lambda: secret()["api_key"],
                timeout_s=limits.provider_timeout_s,
                url=needed(
                    environment.provider_url,
                    "PROVIDER_URL",
                    "an acquirer has no address of its own",
                ),
            )
        case unreachable:
            assert_never(unreachable)


def _service(environment: Environment, ports: Ports) -> PaymentService:
    return PaymentService(
        ports,
        site=environment.site,
        owner=f"{environment.site}/{uuid.uuid4()}",
        limits=environment.settings.payments,
        breaker=CircuitBreaker(),
    )


def _view(record: ControlRecord) -> ControlView:
    return ControlView(
        steady=record.phase is Phase.STEADY,
        active=record.active,
        epoch=record.epoch,
        until_paused=record.until_paused,
    )


@cache
def _built(role: Role) -> Composition:
    configure_logs()
    return compose(environment_from(environ), role)


def composition(role: Role) -> Composition:
    """This process's parts in a role; the first caller builds them, the others wait."""
    with _BUILDING:
        return _built(role)
