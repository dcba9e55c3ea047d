"""One PostgreSQL server of a lab: a data directory and the process that serves it.

It listens on loopback with passwords (SCRAM) and on no socket file. `fsync` and
`synchronous_commit` are on: what it acknowledges is on the local disk, and nowhere else.
"""

import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, LiteralString

import psutil
import psycopg
from psycopg import Connection, sql

from payment_dr.adapters.ledger_setup import DATABASE, LedgerUser, prepare_database
from payment_dr.lab.addresses import LOOPBACK, require_free
from payment_dr.lab.directory import disk_errors
from payment_dr.lab.errors import LabError
from payment_dr.lab.guardian import kill_trees
from payment_dr.lab.postgres_binaries import PostgresBinaries
from payment_dr.lab.processes import Launcher, ManagedProcess
from payment_dr.lab.shared_memory import release_segment, segment_of

OWNER: Final = "postgres"
"""The first role and its database: whom the lab itself comes in as, e.g. to replicate."""
ADMIN: Final = "payment_admin"
APP: Final = "payment_app"
START_TIMEOUT_S: Final = 20.0
_STATUS_LINE: Final = 7
"""Line of postmaster.pid (from 0) with the server's status, see PostgreSQL's pidfile.h."""

_CONFIGURATION: Final = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 80
shared_buffers = '64MB'
dynamic_shared_memory_type = 'mmap'
jit = off
wal_level = 'replica'
hot_standby = on
max_wal_senders = 8
wal_keep_size = '1GB'
max_wal_size = '1GB'
wal_sender_timeout = '5s'
wal_receiver_timeout = '5s'
wal_receiver_status_interval = '100ms'
wal_retrieve_retry_interval = '200ms'
recovery_init_sync_method = 'syncfs'
fsync = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = 'warning'
"""
_CLIENTS: Final = f"""\
host all all 127.0.0.1/32 scram-sha-256
host replication {OWNER} 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerPasswords:
    """Passwords of the roles: `owner` for the lab itself, `admin` for moves, `app` for handlers."""

    owner: str = field(repr=False)
    admin: str = field(repr=False)
    app: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """Where a standby streams from: an address of a replication link."""

    host: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresHost:
    """What every server of a lab is run with; `user` is as whom the lab looks at ledgers."""

    binaries: PostgresBinaries
    launcher: Launcher
    passwords: LedgerPasswords
    user: str = ADMIN


class Cluster:
    """The server of one data directory. Threads may kill it while another thread works on it."""

    def __init__(self, name: str, *, data: Path, port: int, host: PostgresHost) -> None:
        self.name = name
        self.data = data
        self.port = port
        self._binaries = host.binaries
        self._launcher = host.launcher
        self._passwords = host.passwords
        self._process: ManagedProcess | None = None

    @property
    def alive(self) -> bool:
        """Whether its server process runs."""
        return self._process is not None and self._process.alive

    def initialise(self) -> None:
        """Make an empty data directory."""
        secret = self.data.with_suffix(".password")
        with disk_errors(secret):
            secret.touch(mode=0o600)
            secret.write_text(self._passwords.owner, encoding="utf-8")
            self._binaries.give(secret)
        arguments = (
            f"--username={OWNER}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
            "--no-instructions",
        )
        self._binaries.run("initdb", "-D", self.data, *arguments)
        secret.unlink()
        self.configure()

    def create_database(self) -> None:
        """Make the roles and the empty database, in a server that runs."""
        users = (
            LedgerUser(name=ADMIN, password=self._passwords.admin),
            LedgerUser(name=APP, password=self._passwords.app),
        )
        prepare_database(self._owner, users)

    def take_first_user(self, name: str, password: str) -> None:
        """Give the server the user that a deployment says, and that user the empty database.

        As Aurora's first user, it makes roles and databases and is no superuser. Repeatable.
        """
        user, database = sql.Identifier(name), sql.Identifier(DATABASE)
        if not self.ask("SELECT count(*) FROM pg_roles WHERE rolname = %s", name):
            self._execute(OWNER, "CREATE ROLE {} LOGIN CREATEDB CREATEROLE", user)
        self._execute(OWNER, "ALTER ROLE {} PASSWORD {}", user, sql.Literal(password))
        self._execute(OWNER, "GRANT pg_monitor TO {} WITH ADMIN OPTION", user)
        if not self.ask("SELECT count(*) FROM pg_database WHERE datname = %s", DATABASE):
            self._execute(OWNER, "CREATE DATABASE {} OWNER {}", database, user)

    def copy_from(self, upstream: Upstream) -> None:
        """Fill the data directory from a running server, by a base backup."""
        self._binaries.run(
            "pg_basebackup",
            "-D",
            self.data,
            f"--host={upstream.host}",
            f"--port={upstream.port}",
            f"--username={OWNER}",
            "--wal-method=fetch",
            "--checkpoint=fast",
            "--no-sync",
            password=self._passwords.owner,
        )

    def configure(self, *, follow: Upstream | None = None, read_only: bool = False) -> None:
        """Write its configuration, for the next start.

        Args:
            follow: makes it a standby of that server; None leaves it what it is.
            read_only: transactions may not write unless they ask to.
        """
        lines = [
            _CONFIGURATION,
            f"port = {self.port}\n",
            f"cluster_name = '{self.name}'\n",
            f"default_transaction_read_only = {'on' if read_only else 'off'}\n",
        ]
        with disk_errors(self.data):
            if follow is not None:
                self._own_file("standby.signal", "")
                lines.append(
                    f"primary_conninfo = 'host={follow.host} port={follow.port} user={OWNER} "
                    f"password={self._passwords.owner} application_name={self.name} "
                    "connect_timeout=2'\n"
                )
            self._own_file("postgresql.conf", "".join(lines))
            self._own_file("pg_hba.conf", _CLIENTS)

    def start(self) -> None:
        """Start the server and wait until it takes queries; after a crash it recovers first.

        Raises:
            LabError: when it does not start; with the end of its log.
            AddressError: when its port is in use.
        """
        require_free(LOOPBACK, self.port)
        process = self._launcher.start(
            f"postgres-{self.name}",
            [self._binaries.program("postgres"), "-D", self.data],
            environment=self._binaries.environment(),
            run_as=self._binaries.run_as,
            end_signal=signal.SIGQUIT,
        )
        self._process = process
        process.wait_until(lambda: self._status(process.pid) == "ready", START_TIMEOUT_S)

    def shut_down(self) -> None:
        """Clean shutdown: waits until the standby that streams from it has received everything."""
        if self._process is not None:
            self._process.popen.send_signal(signal.SIGINT)
            self._process.wait_or_kill(START_TIMEOUT_S)

    def kill(self) -> None:
        """SIGKILL to the server and its backends, as a crash would; nothing when it does not run.

        A backend that outlived the server could still commit, and would keep it from restarting.
        """
        if self._process is not None:
            with suppress(psutil.NoSuchProcess):
                kill_trees([psutil.Process(self._process.pid)])
            self._process.kill()
            segment = segment_of(self.data)
            if segment is not None:
                release_segment(segment)

    def set_aside(self, place: Path) -> None:
        """Keep the data directory of a killed server somewhere else, as evidence."""
        self.kill()
        self.data.rename(place)

    def remove(self) -> None:
        """Kill the server and remove its data."""
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    def connect(self, *, user: str = ADMIN, database: str = DATABASE) -> Connection[Any]:
        """A new connection as one of the lab's own users; the caller closes it."""
        passwords = self._passwords
        return psycopg.connect(
            host=LOOPBACK,
            port=self.port,
            dbname=database,
            user=user,
            password={OWNER: passwords.owner, ADMIN: passwords.admin, APP: passwords.app}[user],
            connect_timeout=2,
        )

    def ask(self, question: LiteralString, *values: str) -> Any:
        """The one value that a query of the server, not of its ledger, answers."""
        try:
            with self.connect(user=OWNER, database=OWNER) as connection:
                row = connection.execute(question, values).fetchone()
        except psycopg.Error as error:
            raise LabError(f"PostgreSQL at {self.name} did not answer: {error}") from error
        return None if row is None else row[0]

    def checkpoint_location(self) -> str:
        """Where in the log the last checkpoint is; after a clean shutdown, the end of the log."""
        lines = self._binaries.run("pg_controldata", "-D", self.data).splitlines()
        found = dict(line.split(":", maxsplit=1) for line in lines if ":" in line)
        return found["Latest checkpoint location"].strip()

    def _execute(self, database: str, statement: LiteralString, *values: sql.Composable) -> None:
        with self._owner(database) as connection:
            connection.execute(sql.SQL(statement).format(*values))

    def _owner(self, database: str) -> Connection[Any]:
        connection = self.connect(user=OWNER, database=database)
        connection.autocommit = True
        return connection

    def _own_file(self, name: str, text: str) -> None:
        path = self.data / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        self._binaries.give(path)

    def _status(self, pid: int) -> str:
        """The status in the server's lock file, if that file is of this process."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return ""
        if len(lines) <= _STATUS_LINE or lines[0] != str(pid):
            return ""
        return lines[_STATUS_LINE].strip()
