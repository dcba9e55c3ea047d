"""The last step of a deployment: ledger, first control record, and the canary's merchant.

May be called again at any time, after a failure or a change of the schema: what is there stays.
It works where the ledger is the writer, and refuses elsewhere. The first stamp is written only
beside a control record that knows of no move: a ledger that came empty into an environment with
a history is rebuilt from the payments table, and not taken for a new one.
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from os import environ
from typing import Any, Final, Protocol

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.canary import MERCHANT
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.control_table import DynamoControlTable
from payment_dr.adapters.ledger_setup import LedgerSetup, LedgerUser
from payment_dr.adapters.ledger_tokens import token_login
from payment_dr.adapters.merchant_directory import MerchantDirectory
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.adapters.secrets import read_secret
from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.functions.composition import aws_client, ledger_login, takes_tokens
from payment_dr.functions.environment import Environment, environment_from
from payment_dr.functions.logs import configure_logs, logged
from payment_dr.payments.merchant_admin import MerchantAdmin
from payment_dr.payments.merchants import Scope
from payment_dr.recovery.control import ControlRecord
from payment_dr.recovery.moves import first_record

_LOG: Final = logging.getLogger(__name__)
_SECRET_S: Final = 5.0
_CANARY_SCOPES: Final = frozenset({Scope.PAYMENTS_WRITE, Scope.PAYMENTS_READ})


class Setup(Protocol):
    """The ledger: `adapters.ledger_setup.LedgerSetup`."""

    def prepare(self) -> bool:
        """Database, roles and passwords; whether the database is new."""
        ...

    def migrate(self) -> tuple[str, ...]:
        """The schema; what was applied."""
        ...

    def stamp(self, stamp: Stamp) -> bool:
        """The first stamp; whether there was none."""
        ...


class Control(Protocol):
    """The control record: `adapters.control_table.DynamoControlTable`."""

    def create(self, record: ControlRecord) -> bool:
        """Write the first control record; False when there is one already."""
        ...

    def read(self) -> ControlRecord:
        """Strongly consistent read."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Initialised:
    """What was missing and is there now."""

    database: bool
    control_record: bool
    migrations: tuple[str, ...]
    stamped: bool


def initialise(setup: Setup, control: Control, home: SiteName) -> Initialised:
    """Make what is missing; the control record, by which payments are taken, after the schema.

    Raises:
        PaymentDrError: the ledger is a replica or refuses something; nothing else was done.
        UnavailableError: something did not answer; run it again.
    """
    database, applied = setup.prepare(), setup.migrate()
    first = first_record(home)
    created = control.create(first)
    is_first = created or control.read().stamp == first.stamp
    return Initialised(
        database=database,
        control_record=created,
        migrations=applied,
        stamped=is_first and setup.stamp(first.stamp),
    )


@logged
def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Initialise this site's environment."""
    configure_logs()
    environment = environment_from(environ)
    done = initialise(*parts_of(environment), environment.settings.home)
    document = {**asdict(done), "canary": adopt_canary(environment)}
    _LOG.info("initialise", extra={"fields": document})
    return document


def parts_of(environment: Environment) -> tuple[LedgerSetup, DynamoControlTable]:
    """The ledger's set-up with the passwords of today, and the control record.

    Raises:
        UnavailableError: a secret cannot be read.
    """
    settings = environment.settings
    client = aws_client(environment, "secretsmanager", tight(_SECRET_S))
    master, admin, app = (
        read_secret(client, settings.resource(thing))
        for thing in ("ledger-master", "ledger-admin", "ledger")
    )
    setup = LedgerSetup(
        master=ledger_login(environment, master),
        admin=ledger_login(environment, admin),
        app=LedgerUser(name=app["username"], password=app["password"]),
        master_by_token=_by_token(environment, master["username"]),
    )
    dynamodb = aws_client(environment, "dynamodb", tight(settings.payments.table_timeout_s))
    return setup, DynamoControlTable(dynamodb, settings.resource("table"))


def _by_token(environment: Environment, user: str) -> Callable[[], LedgerLogin] | None:
    """The user's login at the cluster's writer by a token; None where the API takes none."""
    if not takes_tokens(environment):
        return None
    client = aws_client(environment, "rds", tight(_SECRET_S))
    writer, _, _ = environment.ledger.host.partition(",")
    return lambda: token_login(client, writer, environment.ledger.port, user)


def adopt_canary(environment: Environment) -> bool:
    """See that the canary is a merchant with the API key of its secret; whether it was not.

    Raises:
        UnavailableError: the secret cannot be read, or the table did not answer.
        PaymentDrError: what the secret holds is no API key, or one that was revoked.
    """
    settings = environment.settings
    client = aws_client(environment, "secretsmanager", tight(_SECRET_S))
    text = read_secret(client, settings.resource(MERCHANT))["api_key"]
    dynamodb = aws_client(environment, "dynamodb", tight(settings.payments.table_timeout_s))
    admin = MerchantAdmin(
        directory=MerchantDirectory(dynamodb, settings.resource("table")),
        clock=SystemClock(),
        random=secrets.token_bytes,
    )
    return admin.adopt_key(MERCHANT, settings.payments.mode, text, _CANARY_SCOPES)
