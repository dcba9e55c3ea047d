"""The peer beside our figures: Patroni with the same PostgreSQL binaries, on loopback.

Two nodes and one etcd on this machine. A writer client commits one row after another through
libpq's own fail-over (both hosts, `target_session_attrs=read-write`). Measured is what the client
sees: from the last acknowledged write on the old leader to the first one on the new leader.

- node loss: SIGKILL of Patroni and of its PostgreSQL at once;
- planned switchover: Patroni's REST API.

Needs `etcd` (Debian: apt-get install etcd-server) and, as root, an unprivileged user for
PostgreSQL with a Python that this user may run. Patroni itself is installed from the package
registry into a temporary directory, never into the project's environment.
Run as `python benchmarks/patroni_peer.py`.
"""

import argparse
import contextlib
import json
import random
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import psycopg

from common import Result, emit, say
from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.errors import LabError
from payment_dr.lab.postgres_binaries import PostgresBinaries, find_postgres
from payment_dr.lab.processes import Launcher, ManagedProcess, RunAs, switch_user
from payment_dr.lab.signals import ended_by_signals

PATRONI: Final = "4.1.5"
STATE_TIMEOUT_S: Final = 120.0
STOP_TIMEOUT_S: Final = 20.0
POLL_S: Final = 0.05
SEED: Final = 20_260


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Patroni's timers in seconds; the floor keeps loop_wait + 2 * retry_timeout <= ttl.

    Source: https://patroni.readthedocs.io/en/latest/dynamic_configuration.html
    """

    name: str
    ttl: int
    loop_wait: int
    retry_timeout: int


PROFILES: Final = {
    "tuned": Profile(name="tuned", ttl=20, loop_wait=1, retry_timeout=3),
    "defaults": Profile(name="defaults", ttl=30, loop_wait=10, retry_timeout=10),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STATE_TIMEOUT_S
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {STATE_TIMEOUT_S:g} s")
        time.sleep(POLL_S)


@dataclass(kw_only=True, slots=True)
class Node:
    name: str
    postgres_port: int
    rest_port: int
    directory: Path
    process: ManagedProcess | None = None

    def rest(self, path: str, body: dict[str, str] | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.rest_port}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
                return int(answer.status), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def is_leader(self) -> bool:
        return self.rest("primary")[0] == 200

    def is_streaming(self) -> bool:
        status, body = self.rest("replica")
        return status == 200 and json.loads(body).get("replication_state") == "streaming"


@dataclass(kw_only=True, slots=True)
class Cluster:
    """Two Patroni nodes and an etcd, under a guardian that ends them if this process dies."""

    base: Path
    profile: Profile
    postgres: PostgresBinaries
    launcher: Launcher
    python: str
    packages: Path
    password: str = field(default_factory=lambda: secrets.token_hex(12))
    etcd: ManagedProcess | None = None
    etcd_port: int = field(default_factory=free_port)
    nodes: list[Node] = field(default_factory=list[Node])

    def spawn(self, name: str, command: list[str]) -> ManagedProcess:
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.base),
            "PYTHONPATH": str(self.packages),
        }
        return self.launcher.start(
            f"{name}-{self.profile.name}",
            command,
            environment=environment,
            run_as=self.postgres.run_as,
        )

    def start_etcd(self, binary: str) -> None:
        client, peer = self.etcd_port, free_port()
        self.etcd = self.spawn(
            "etcd",
            [
                binary,
                f"--data-dir={self.base / 'etcd'}",
                f"--listen-client-urls=http://127.0.0.1:{client}",
                f"--advertise-client-urls=http://127.0.0.1:{client}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-cluster=default=http://127.0.0.1:{peer}",
            ],
        )

    def config(self, node: Node) -> dict[str, object]:
        """Patroni's configuration; JSON is YAML."""
        user = {"username": "postgres", "password": self.password}
        return {
            "scope": "peer",
            "name": node.name,
            "restapi": {
                "listen": f"127.0.0.1:{node.rest_port}",
                "connect_address": f"127.0.0.1:{node.rest_port}",
            },
            "etcd3": {"host": f"127.0.0.1:{self.etcd_port}"},
            "bootstrap": {
                "dcs": {
                    "ttl": self.profile.ttl,
                    "loop_wait": self.profile.loop_wait,
                    "retry_timeout": self.profile.retry_timeout,
                    "postgresql": {
                        "use_pg_rewind": True,
                        "parameters": {"wal_log_hints": "on", "shared_buffers": "64MB"},
                    },
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, {"auth": "scram-sha-256"}],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{node.postgres_port}",
                "connect_address": f"127.0.0.1:{node.postgres_port}",
                "data_dir": str(node.directory / "data"),
                "bin_dir": str(self.postgres.root / "bin"),
                "pgpass": str(node.directory / "pgpass"),
                "authentication": {"superuser": user, "replication": user},
                "parameters": {"unix_socket_directories": str(node.directory)},
                "pg_hba": [
                    "local all all scram-sha-256",
                    "host all all 127.0.0.1/32 scram-sha-256",
                    "host replication all 127.0.0.1/32 scram-sha-256",
                ],
            },
        }

    def start_node(self, node: Node) -> None:
        config = node.directory / "patroni.json"
        config.write_text(json.dumps(self.config(node)), encoding="utf-8")
        config.chmod(0o644)
        node.process = self.spawn(node.name, [self.python, "-m", "patroni", str(config)])

    def start(self, etcd: str) -> None:
        self.start_etcd(etcd)
        for name in ("one", "two"):
            directory = self.base / name
            directory.mkdir(mode=0o700)
            self.postgres.give(directory)
            node = Node(
                name=name, postgres_port=free_port(), rest_port=free_port(), directory=directory
            )
            self.nodes.append(node)
            self.start_node(node)
            if name == "one":
                wait_for("the first node to lead", node.is_leader)
        wait_for("the second node to stream", self.nodes[1].is_streaming)

    def roles(self) -> tuple[Node, Node]:
        """Leader and replica, once both are what they should be."""
        found: list[tuple[Node, Node]] = []

        def settled() -> bool:
            one, two = self.nodes
            for leader, replica in ((one, two), (two, one)):
                if leader.is_leader() and replica.is_streaming():
                    found.append((leader, replica))
            return bool(found)

        wait_for("a leader and a streaming replica", settled)
        return found[0]

    @staticmethod
    def kill(node: Node) -> None:
        """SIGKILL Patroni, then its PostgreSQL with every backend: the loss of a machine."""
        if node.process is None:
            return
        postmaster = int((node.directory / "data/postmaster.pid").read_text().split()[0])
        victims = [psutil.Process(postmaster)]
        victims += victims[0].children(recursive=True)
        helpers = psutil.Process(node.process.pid).children(recursive=True)
        for victim in (psutil.Process(node.process.pid), *victims, *helpers):
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        node.process.kill()
        psutil.wait_procs(victims, timeout=10)

    def stop(self) -> None:
        """Patroni ends its PostgreSQL with itself, and needs etcd until then."""
        for node in self.nodes:
            if node.process is not None:
                node.process.ask_to_end()
        for node in self.nodes:
            if node.process is not None:
                node.process.wait_or_kill(STOP_TIMEOUT_S)
        if self.etcd is not None:
            self.etcd.end()

    def dsn(self) -> str:
        ports = ",".join(str(n.postgres_port) for n in self.nodes)
        return (
            f"host=127.0.0.1,127.0.0.1 port={ports} dbname=postgres user=postgres "
            f"password={self.password} connect_timeout=2 target_session_attrs=read-write"
        )


@dataclass(kw_only=True, slots=True)
class Writer:
    """Commits rows one after another and remembers which server acknowledged which, and when."""

    dsn: str
    stopping: threading.Event = field(default_factory=threading.Event)
    acknowledged: list[tuple[float, int, int]] = field(default_factory=list[tuple[float, int, int]])
    number: int = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            with contextlib.suppress(psycopg.Error), psycopg.connect(self.dsn) as connection:
                connection.autocommit = True
                self.write(connection)
            self.stopping.wait(0.01)

    def write(self, connection: psycopg.Connection) -> None:
        while not self.stopping.is_set():
            self.number += 1
            connection.execute("INSERT INTO written (id) VALUES (%s)", (self.number,))
            self.acknowledged.append((time.monotonic(), connection.info.port, self.number))
            self.stopping.wait(0.002)

    def gap_to(self, port: int, since: int) -> float:
        """Seconds from the last write on the old leader to the first on `port`; waits for it.

        `since` is how many were acknowledged before the act.
        """
        wait_for(
            "the first write on the new leader",
            lambda: any(p == port for _, p, _ in self.acknowledged[since:]),
        )
        taken = list(self.acknowledged)
        first = next(i for i in range(since, len(taken)) if taken[i][1] == port)
        return taken[first][0] - taken[first - 1][0]


@contextlib.contextmanager
def writing(cluster: Cluster) -> Iterator[Writer]:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE written (id bigint PRIMARY KEY)")
    writer = Writer(dsn=cluster.dsn())
    thread = threading.Thread(target=writer.run)
    thread.start()
    try:
        wait_for("the first write", lambda: bool(writer.acknowledged))
        yield writer
    finally:
        writer.stopping.set()
        thread.join(timeout=30)


def fail_over(cluster: Cluster, writer: Writer, chance: random.Random) -> float:
    leader, replica = cluster.roles()
    # Where in Patroni's loop the loss falls decides seconds: draw it, do not always hit the same.
    time.sleep(1 + chance.uniform(0, cluster.profile.loop_wait))
    since = len(writer.acknowledged)
    cluster.kill(leader)
    gap = writer.gap_to(replica.postgres_port, since)
    cluster.start_node(leader)
    return gap


def switch_over(cluster: Cluster, writer: Writer, chance: random.Random) -> float:
    leader, replica = cluster.roles()
    time.sleep(1 + chance.uniform(0, cluster.profile.loop_wait))
    since = len(writer.acknowledged)
    status, body = leader.rest("switchover", {"leader": leader.name, "candidate": replica.name})
    if status != 200:
        raise RuntimeError(f"switchover answered {status}: {body.decode()}")
    return writer.gap_to(replica.postgres_port, since)


def lost(cluster: Cluster, writer: Writer) -> int:
    """Acknowledged rows that no longer exist; replication here is asynchronous, without delay."""
    with psycopg.connect(cluster.dsn()) as connection:
        present = {int(row[0]) for row in connection.execute("SELECT id FROM written")}
    return len({number for _, _, number in list(writer.acknowledged)} - present)


def measure(cluster: Cluster, runs: int) -> tuple[Result, Result]:
    chance = random.Random(SEED)
    with writing(cluster) as writer:
        failovers = [_told("node loss", fail_over(cluster, writer, chance)) for _ in range(runs)]
        switchovers = [
            _told("switchover", switch_over(cluster, writer, chance)) for _ in range(runs)
        ]
        cluster.roles()
        detail = {
            "patroni": PATRONI,
            "profile": cluster.profile.name,
            "ttl_s": cluster.profile.ttl,
            "loop_wait_s": cluster.profile.loop_wait,
            "retry_timeout_s": cluster.profile.retry_timeout,
            "seed": SEED,
            "acknowledged": len(writer.acknowledged),
            "acknowledged_lost": lost(cluster, writer),
            "measured": "last acknowledged write to first on the new leader, by one client",
        }
    name = cluster.profile.name
    return (
        Result(name=f"patroni-node-loss-{name}", unit="s", runs=tuple(failovers), detail=detail),
        Result(name=f"patroni-switchover-{name}", unit="s", runs=tuple(switchovers), detail=detail),
    )


def _told(what: str, seconds: float) -> float:
    say(f"  {what}: {seconds:.2f} s")
    return round(seconds, 3)


def python_for(user: RunAs | None) -> str:
    """An interpreter that the unprivileged user may run: ours may lie in root's home."""
    candidates = [sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"]
    for candidate in (c for c in candidates if Path(c).exists()):
        with contextlib.suppress(OSError):
            trial = subprocess.run(
                [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 10))"],
                cwd="/",
                check=False,
                **switch_user(user),
            )
            if not trial.returncode:
                return candidate
    raise LabError(f"the user that runs PostgreSQL may run no Python 3.10+; tried {candidates}")


def install_patroni(target: Path, python: str) -> None:
    """Packages of Patroni for that interpreter, in a directory of their own."""
    say(f"installing Patroni {PATRONI} into a temporary directory")
    subprocess.run(
        [
            str(Path(sys.executable).parent / "uv"),
            "pip",
            "install",
            "--quiet",
            f"--python={python}",
            f"--target={target}",
            f"patroni[etcd3]=={PATRONI}",
            f"psycopg[binary]=={psycopg.__version__}",
        ],
        check=True,
    )
    target.chmod(0o755)


def run(runs: int, profiles: list[Profile]) -> None:
    etcd = shutil.which("etcd")
    if etcd is None:
        raise LabError("etcd is missing", remedy="on Debian: apt-get install etcd-server")
    with contextlib.ExitStack() as undo:
        undo.enter_context(ended_by_signals())
        directory = LabDirectory.create()
        undo.callback(directory.remove)
        launcher = Launcher(directory)
        undo.callback(launcher.close)
        postgres = find_postgres(directory.postgres)
        python = python_for(postgres.run_as)
        packages = directory.root / "packages"
        install_patroni(packages, python)
        for profile in profiles:
            say(f"Patroni, {profile.name}: {runs} node losses, {runs} switchovers")
            home = directory.root / profile.name
            home.mkdir()
            postgres.give(home)
            cluster = Cluster(
                base=home,
                profile=profile,
                postgres=postgres,
                launcher=launcher,
                python=python,
                packages=packages,
            )
            try:
                cluster.start(etcd)
                for result in measure(cluster, runs):
                    emit(result)
            finally:
                cluster.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure Patroni's failover and switchover.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--profile", choices=sorted(PROFILES), action="append")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    try:
        run(options.runs, [PROFILES[name] for name in options.profile or ("tuned", "defaults")])
    except PaymentDrError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
