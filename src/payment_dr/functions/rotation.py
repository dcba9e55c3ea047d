"""Called by Secrets Manager: rotates the ledger's secrets between two users, in four steps.

Each purpose has two users with the same rights. A rotation sets a new password of the user that
nobody uses now and then lets the secret name that one: whoever is logged in, or has read the
secret before, goes on with the other user until the next rotation. Every step looks at the world
first, so it may be called again after a crash at any point, and comes to the same end.

A rotation works at the site that is the writer, since a replica takes no password, and never
during a move. Before the secret changes hands the standby must have the new password as well: a
failover a moment later would otherwise leave everybody outside.
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from os import environ
from typing import Any, Final, Protocol, assert_never

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.control_table import DynamoControlTable
from payment_dr.adapters.ledger_roles import ADMIN_USERS, APP_USERS
from payment_dr.adapters.ledger_users import Login, PostgresLedgerUsers
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.adapters.secret_rotation import SecretVersions, Stages
from payment_dr.adapters.secrets import read_secret
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.functions.composition import aws_client, ledger_login
from payment_dr.functions.environment import Environment, environment_from
from payment_dr.functions.logs import configure_logs, logged
from payment_dr.functions.peer_ledger import peer_ledger
from payment_dr.recovery.control import ControlRecord, Phase

_LOG: Final = logging.getLogger(__name__)
_PASSWORD_BYTES: Final = 32
_CALL_S: Final = 5.0


@unique
class Step(StrEnum):
    """Secrets Manager's four steps, in its words."""

    CREATE = "createSecret"
    SET = "setSecret"
    TEST = "testSecret"
    FINISH = "finishSecret"


class Versions(Protocol):
    """The secret: `adapters.secret_rotation.SecretVersions`."""

    def stages(self) -> Stages:
        """Which version stands where."""
        ...

    def content(self, version: str) -> dict[str, str] | None:
        """What a version holds; None while it is only a name."""
        ...

    def put_pending(self, version: str, content: Mapping[str, str]) -> None:
        """Give the pending version its content; one that it has already stays."""
        ...

    def make_current(self, version: str, *, instead_of: str) -> None:
        """Let everybody read this version from now on."""
        ...


class Users(Protocol):
    """The ledger's users: `adapters.ledger_users.PostgresLedgerUsers`."""

    def try_login(self, login: LedgerLogin) -> Login:
        """Log in, and look whether the user may do what it is for."""
        ...

    def set_password(self, admin: LedgerLogin, user: str, password: str) -> None:
        """Set another user's password."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class RotationPorts:
    """What a rotation needs.

    Attributes:
        versions: of the secret that rotates.
        users: of the ledger.
        control: a strong read of the control record.
        admin: the current administrator's name and password, read anew.
        login: how a user logs in at this site's ledger.
        standby_login: the same at the other site's; UnavailableError if it cannot be found.
        new_password: a new one each time.
    """

    versions: Versions
    users: Users
    control: Callable[[], ControlRecord]
    admin: Callable[[], Mapping[str, str]]
    login: Callable[[Mapping[str, str]], LedgerLogin]
    standby_login: Callable[[Mapping[str, str]], LedgerLogin]
    new_password: Callable[[], str]


class Rotation:
    """One rotation of one secret at one site.

    Args:
        ports: see there.
        users: the two users that the secret alternates between.
        site: where this runs.
        token: the pending version.
    """

    def __init__(
        self, ports: RotationPorts, users: tuple[str, str], *, site: SiteName, token: str
    ) -> None:
        self._ports = ports
        self._users = users
        self._site = site
        self._token = token

    def run(self, step: Step) -> str:
        """Do a step, or find it done; what came of it, for the log.

        Raises:
            UnavailableError: something did not answer, or a move is under way; Secrets Manager
                calls again later.
            PaymentDrError: the rotation is refused; nothing has changed.
        """
        stages = self._ports.versions.stages()
        if stages.current == self._token:
            return "the version is current already"
        if stages.pending != self._token or stages.current is None:
            raise PaymentDrError(
                f"version {self._token} of {stages.name} is not pending",
                remedy="start the rotation again: aws secretsmanager rotate-secret",
            )
        self._require_writer()
        match step:
            case Step.CREATE:
                return self._create(stages.current)
            case Step.SET:
                return self._set(stages.current)
            case Step.TEST:
                return self._test(stages.current)
            case Step.FINISH:
                return self._finish(stages.current)
            case unreachable:
                assert_never(unreachable)

    def _require_writer(self) -> None:
        control = self._ports.control()
        if control.phase is Phase.MOVING:
            move = "" if control.move is None else f" {control.move.move_id}"
            raise UnavailableError(
                f"no rotation during a move: move{move} is unfinished, and nothing has changed",
                remedy="none: Secrets Manager tries again; see payment-dr status",
            )
        if control.active != self._site:
            raise PaymentDrError(
                f"{self._site} is not the writer, {control.active} is: a replica takes no password",
                remedy=f"rotate at {control.active}, or fail back first; if {self._site} is lost, "
                "make the replica of the secret one of its own: "
                "aws secretsmanager stop-replication-to-replica",
            )

    def _create(self, current: str) -> str:
        if self._ports.versions.content(self._token) is not None:
            return "the pending version has its content already"
        known = self._content(current)
        pending = {
            **known,
            "username": self._twin(known["username"]),
            "password": self._ports.new_password(),
        }
        self._ports.versions.put_pending(self._token, pending)
        return f"next user is {pending['username']}"

    def _set(self, current: str) -> str:
        pending = self._pending(current)
        if self._ports.users.try_login(self._ports.login(pending)) is Login.WORKS:
            return f"{pending['username']} has its password already"
        admin = self._ports.login(self._ports.admin())
        self._ports.users.set_password(admin, pending["username"], pending["password"])
        return f"set the password of {pending['username']}"

    def _test(self, current: str) -> str:
        pending = self._pending(current)
        self._require_login("this site's ledger", self._ports.login(pending))
        try:
            login = self._ports.standby_login(pending)
        except UnavailableError as error:
            return f"{pending['username']} logs in here; the standby is not: {error.what}"
        if self._ports.users.try_login(login) is Login.REFUSED:
            raise UnavailableError(
                "the standby's ledger does not have the new password yet",
                remedy="none: Secrets Manager tries again; see the replication lag",
            )
        return f"{pending['username']} logs in"

    def _finish(self, current: str) -> str:
        tested = self._test(current)
        self._ports.versions.make_current(self._token, instead_of=current)
        return f"{tested}; the version is current"

    def _require_login(self, where: str, login: LedgerLogin) -> None:
        outcome = self._ports.users.try_login(login)
        if outcome is not Login.WORKS:
            raise UnavailableError(
                f"{where} does not let {login.user} in: {outcome.name}",
                remedy="none: Secrets Manager tries the rotation again from its first step",
            )

    def _pending(self, current: str) -> dict[str, str]:
        """The pending version's content; its user is never the one that is in use."""
        pending = self._content(self._token)
        if pending["username"] != self._twin(self._content(current)["username"]):
            raise PaymentDrError(
                f"the pending version names {pending['username']}, which is in use",
                remedy="aws secretsmanager cancel-rotate-secret, then rotate-secret",
            )
        return pending

    def _content(self, version: str) -> dict[str, str]:
        content = self._ports.versions.content(version)
        if content is None or not {"username", "password"} <= content.keys():
            raise PaymentDrError(
                f"version {version} of the secret lacks username or password",
                remedy="start the rotation again: aws secretsmanager rotate-secret",
            )
        return content

    def _twin(self, user: str) -> str:
        first, second = self._users
        twin = {first: second, second: first}.get(user)
        if twin is None:
            raise PaymentDrError(
                f"user {user} of the secret is neither {first} nor {second}",
                remedy=f"put {first} and its password into the secret",
            )
        return twin


@logged
def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One step of a rotation, as Secrets Manager asks for it."""
    configure_logs()
    environment = environment_from(environ)
    client = aws_client(environment, "secretsmanager", tight(_CALL_S))
    versions = SecretVersions(client, event["SecretId"])
    name, step = versions.stages().name, Step(event["Step"])
    rotation = Rotation(
        _ports(environment, versions, client),
        _users_of(environment, name),
        site=environment.site,
        token=event["ClientRequestToken"],
    )
    document = {"secret": name, "step": step.value, "outcome": rotation.run(step)}
    _LOG.info("rotation", extra={"fields": document})
    return document


def _users_of(environment: Environment, name: str) -> tuple[str, str]:
    pairs = {
        environment.settings.resource("ledger"): APP_USERS,
        environment.settings.resource("ledger-admin"): ADMIN_USERS,
    }
    if name not in pairs:
        raise PaymentDrError(
            f"secret {name} does not rotate here; {' and '.join(pairs)} do",
            remedy="take the rotation off that secret",
        )
    return pairs[name]


def _ports(environment: Environment, versions: SecretVersions, client: Any) -> RotationPorts:
    settings = environment.settings
    dynamodb = aws_client(environment, "dynamodb", tight(settings.payments.table_timeout_s))
    peer = peer_ledger(environment, SystemClock())
    return RotationPorts(
        versions=versions,
        users=PostgresLedgerUsers(),
        control=DynamoControlTable(dynamodb, settings.resource("table")).read,
        admin=lambda: read_secret(client, settings.resource("ledger-admin")),
        login=lambda secret: ledger_login(environment, secret),
        standby_login=lambda secret: ledger_login(replace(environment, ledger=peer()), secret),
        new_password=lambda: secrets.token_urlsafe(_PASSWORD_BYTES),
    )
