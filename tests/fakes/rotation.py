"""A secret and a ledger's users in memory, which die before or after a chosen effect."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from payment_dr.adapters.ledger_users import Login
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.adapters.secret_rotation import Stages
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.functions.rotation import Rotation, RotationPorts, Versions
from payment_dr.recovery.control import ControlRecord, Phase

EAST, WEST = SiteName("east"), SiteName("west")
FIRST, SECOND = "payment_app", "payment_app_2"
TOKEN = "token-of-the-pending-version"


class Crash(BaseException):
    """The process is gone; nothing may catch it."""


@dataclass
class Effects:
    """Counts effects; the process dies before or after the one that is named, once."""

    before: int | None = None
    after: int | None = None
    done: list[str] = field(default_factory=list)

    def act(self, what: str, effect: Callable[[], None]) -> None:
        if self.before == len(self.done):
            self.before = None
            raise Crash(what)
        effect()
        self.done.append(what)
        if self.after == len(self.done) - 1:
            self.after = None
            raise Crash(what)


class FakeVersions:
    """Satisfies `Versions`."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        self.contents: dict[str, dict[str, str]] = {"v0": {"username": FIRST, "password": "old"}}
        self.labels: dict[str, str | None] = {"current": "v0", "pending": TOKEN, "previous": None}

    def stages(self) -> Stages:
        return Stages(
            name="payments-ledger-dev",
            current=self.labels["current"],
            pending=self.labels["pending"],
        )

    def content(self, version: str) -> dict[str, str] | None:
        return self.contents.get(version)

    def put_pending(self, version: str, content: Mapping[str, str]) -> None:
        self.effects.act("put", lambda: self.contents.update({version: dict(content)}))

    def make_current(self, version: str, *, instead_of: str) -> None:
        assert self.labels["current"] == instead_of
        self.effects.act(
            "current", lambda: self.labels.update(current=version, previous=instead_of)
        )


class FakeUsers:
    """Satisfies `Users`: the passwords of both sites' ledgers, by host."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        self.passwords = {EAST: {FIRST: "old"}, WEST: {FIRST: "old"}}
        self.replicates = True
        self.up = {EAST: True, WEST: True}
        self.admins: list[str] = []

    def try_login(self, login: LedgerLogin) -> Login:
        site = SiteName(login.host)
        if not self.up[site]:
            return Login.NO_ANSWER
        known = self.passwords[site].get(login.user)
        return Login.WORKS if known == login.password else Login.REFUSED

    def set_password(self, admin: LedgerLogin, user: str, password: str) -> None:
        if not self.up[EAST]:
            raise UnavailableError("down")

        def effect() -> None:
            self.admins.append(admin.user)
            for site in (EAST, WEST) if self.replicates else (EAST,):
                self.passwords[site][user] = password

        self.effects.act("password", effect)


class RotationWorld:
    """A rotation of `ledger` at east, whose writer is there."""

    def __init__(self, *, before: int | None = None, after: int | None = None) -> None:
        self.effects = Effects(before=before, after=after)
        self.versions = FakeVersions(self.effects)
        self.users = FakeUsers(self.effects)
        self.phase = Phase.STEADY
        self.active = EAST
        self.standby: Callable[[Mapping[str, str]], LedgerLogin] = lambda s: login_at(WEST, s)

    def settle(self) -> None:
        """The move has ended where it began."""
        self.phase = Phase.STEADY

    def control(self) -> ControlRecord:
        return ControlRecord(
            active=self.active,
            epoch=Epoch(1),
            phase=self.phase,
            move=None,
            version=1,
            changed_at=0.0,
        )

    def rotation(self, users: tuple[str, str] = (FIRST, SECOND)) -> Rotation:
        """A new process's."""
        return self.rotation_of(self.versions, TOKEN, users)

    def rotation_of(
        self, versions: Versions, token: str, users: tuple[str, str] = (FIRST, SECOND)
    ) -> Rotation:
        """One of another secret."""
        ports = RotationPorts(
            versions=versions,
            users=self.users,
            control=self.control,
            admin=lambda: {"username": "payment_admin", "password": "admin's"},
            login=lambda secret: login_at(EAST, secret),
            standby_login=self.standby,
            new_password=lambda: "new-1",
        )
        return Rotation(ports, users, site=EAST, token=token)


def login_at(site: SiteName, secret: Mapping[str, str]) -> LedgerLogin:
    return LedgerLogin(
        host=site, port=1, user=secret["username"], password=secret["password"], tls=False
    )
