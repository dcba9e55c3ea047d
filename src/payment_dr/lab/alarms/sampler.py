"""What AWS itself would measure of the ledgers and of the dead letters, each lab second.

A thread of the supervisor asks both PostgreSQL servers, past all links, and the emulator's queues,
and writes lines into `logs/cloudwatch.log`. Nothing depends on it, and a server that does not
answer has no datapoint, as it would have none on AWS.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
"""

import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol, Self

import psutil
import psycopg

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import Settings
from payment_dr.lab.alarms import embedded
from payment_dr.lab.alarms.lag import LagMeter
from payment_dr.lab.directory import LabDirectory

LOG: Final = "cloudwatch.log"
PERIOD_S: Final = 1.0
_JOIN_S: Final = 5.0
_RDS: Final = "AWS/RDS"

_QUESTION: Final = (
    "SELECT pg_is_in_recovery(), (SELECT count(*) FROM pg_stat_activity),"
    " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END"
    " - '0/0'::pg_lsn,"
    " COALESCE(pg_last_wal_receive_lsn() - '0/0'::pg_lsn, 0)"
)


class Sampled(Protocol):
    """What is sampled; `supervisor.Lab` is one."""

    settings: Settings

    @property
    def directory(self) -> Path:
        """The lab's directory."""
        ...

    def connect(self, site: str) -> psycopg.Connection[Any]:
        """A connection to the site's ledger."""
        ...

    def status(self) -> Mapping[str, Any]:
        """The lab's state, with the pids of its processes."""
        ...


@contextmanager
def sampling(lab: Sampled) -> Generator[None]:
    """Measure a lab that runs, into a log of its own."""
    path = LabDirectory(root=lab.directory).logs / LOG
    with path.open("a", encoding="utf-8", buffering=1) as log:

        def write(line: str) -> None:
            log.write(f"{line}\n")

        with Sampler(lab, write):
            yield


class Sampler:
    """Measures while it is entered.

    Args:
        lab: that runs.
        write: takes a line without its end.
        now: Unix time in seconds.
    """

    def __init__(
        self, lab: Sampled, write: Callable[[str], None], now: Callable[[], float] = time.time
    ) -> None:
        self._lab = lab
        self._write = write
        self._now = now
        self._received, self._replayed = LagMeter(), LagMeter()
        self._ended = threading.Event()
        self._busy: dict[int, tuple[float, float]] = {}
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._ended.wait(PERIOD_S):
            self.sample()

    def sample(self) -> None:
        """Measure everything once."""
        pids: Mapping[str, int] = self._lab.status()["pids"]
        at_s = self._now()
        # The writer first: a copy lags behind what was written when it was asked.
        asked = {site.name: self._ask(site.name) for site in self._lab.settings.sites}
        known = {site: row for site, row in asked.items() if row is not None}
        for follows, _, position, _ in known.values():
            if not follows:
                self._received.wrote(position, at_s)
                self._replayed.wrote(position, at_s)
        for site, (follows, connections, position, received) in known.items():
            values = {"DatabaseConnections": float(connections)}
            busy = self._cpu_percent(pids.get(f"postgres-{site}"), at_s)
            if busy is not None:
                values["CPUUtilization"] = busy
            cluster = {"DBClusterIdentifier": self._lab.settings.resource("cluster", site)}
            self._tell(cluster, values, at_s)
            if follows:
                source = {"SourceRegion": self._lab.settings.peer(site).region}
                self._tell({**cluster, **source}, self._lags(position, received, at_s), at_s)

    def _lags(self, replayed: int, received: int, at_s: float) -> dict[str, float]:
        behind_ms = self._replayed.lag_ms(replayed, at_s)
        return {
            "AuroraGlobalDBRPOLag": behind_ms,
            "AuroraGlobalDBProgressLag": behind_ms,
            "AuroraGlobalDBReplicationLag": self._received.lag_ms(max(received, replayed), at_s),
        }

    def _ask(self, site: str) -> tuple[bool, int, int, int] | None:
        with suppress(PaymentDrError, psycopg.Error), self._lab.connect(site) as connection:
            row = connection.execute(_QUESTION).fetchone()
            if row is not None:
                return bool(row[0]), int(row[1]), int(row[2]), int(row[3])
        return None

    def _cpu_percent(self, pid: int | None, at_s: float) -> float | None:
        """Of all processors, since the look before; None at the first, and without a process."""
        if pid is None:
            return None
        try:
            server = psutil.Process(pid)
            spent_s = sum(_spent_s(one) for one in (server, *server.children()))
        except psutil.Error:
            return None
        before = self._busy.get(pid)
        self._busy[pid] = (spent_s, at_s)
        if before is None or at_s <= before[1]:
            return None
        share = (spent_s - before[0]) / (at_s - before[1]) / (psutil.cpu_count() or 1)
        # Sessions that ended took their time with them.
        return min(max(100 * share, 0.0), 100.0)

    def _tell(
        self, dimensions: Mapping[str, str], values: Mapping[str, float], at_s: float
    ) -> None:
        rounded = {name: [round(value, 1)] for name, value in values.items()}
        self._write(embedded.line(_RDS, dimensions, rounded, at_s=at_s))


def _spent_s(process: psutil.Process) -> float:
    """Processor time of a process; 0 of one that has gone meanwhile."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
