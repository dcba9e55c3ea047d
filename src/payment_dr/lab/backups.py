"""Backups of a lab's ledger, restored for real: a base backup, the log since, and a server alone.

Stands in for Aurora's snapshots and continuous backups. A snapshot is a base backup with the part
of the log that it needs; a point in time is the base backup with the archived log replayed up to
it. What is restored is verified against the backup's manifest first, since only checksums find a
page that changed on disk.
"""

import json
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
from pydantic import TypeAdapter

from payment_dr.adapters.backup_reader import PostgresRestoredLedger
from payment_dr.checks.backup_source import (
    BackupKind,
    Restoration,
    RestoredLedger,
    RestorePoint,
    RestoreStage,
)
from payment_dr.core.errors import UnavailableError
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.errors import LabError
from payment_dr.lab.postgres import OWNER, Cluster, PostgresHost, Upstream

_BASE: Final = "base"
_LOG: Final = "log"
_TIMES: Final = "times.json"
_RECEIVED_S: Final = 10
_POLL_S: Final = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tags:
    """What a restored ledger carries beside its data; `problem` is why it failed, else empty."""

    run: str
    point: RestorePoint
    started_at: float
    problem: str = ""


_TAGS: Final = TypeAdapter(_Tags)


class LabBackups:
    """`checks.backup_source.BackupSource` of one server.

    Args:
        place: a directory of its own, which PostgreSQL's user may enter.
        host: what servers are run with.
        source: the server whose backups these are.
        port: for the restored server; one at a time.
        writer: gives the server that writes now, if `source` may be its standby.
    """

    def __init__(
        self,
        place: Path,
        *,
        host: PostgresHost,
        source: Cluster,
        port: int,
        writer: Callable[[], Cluster] | None = None,
    ) -> None:
        self._place = place
        self._host = host
        self._source = source
        self._port = port
        self._writer = writer or (lambda: source)
        self._running: dict[str, Cluster] = {}

    def keep(self) -> None:
        """Archive the log; with a base backup first if there is none of this timeline.

        Raises:
            LabError: a server does not answer, or the standby does not get there.
        """
        try:
            self._kept()
        except psycopg.Error as error:
            raise LabError(f"the log of {self._source.name} was not archived: {error}") from error

    def _kept(self) -> None:
        latest, timeline = self._archived()
        if (self._place / _BASE).exists() and self._times().get("timeline") == timeline:
            self._keep_times(latest=latest)
        else:
            self.take()

    def take(self) -> None:
        """Make a base backup in the place of an earlier one; `archive` archives the log since."""
        base = Cluster(_BASE, data=self._place / _BASE, port=self._port, host=self._host)
        base.remove()
        self._make_places()
        base.copy_from(Upstream(host=LOOPBACK, port=self._source.port))
        at, timeline = self._archived()
        self._keep_times(base=at, timeline=timeline)
        self.archive()

    def archive(self) -> None:
        """Archive the log to its end, which becomes the latest time that can be restored."""
        latest, _ = self._archived()
        self._keep_times(latest=latest)

    def _make_places(self) -> None:
        for path in (self._place, self._place / _LOG):
            path.mkdir(mode=0o755, exist_ok=True)
            self._give(path)

    def _archived(self) -> tuple[float, int]:
        """Copy the segments that the archive lacks.

        Returns:
            The time up to which they can be replayed, and their timeline.
        """
        self._make_places()
        with self._writer().connect(user=OWNER) as connection:
            connection.autocommit = True
            latest = _asked(connection, "SELECT extract(epoch FROM clock_timestamp())::float8")
            # A commit after that time: else the replay would look for it in vain.
            connection.execute("SELECT pg_current_xact_id()")
            end = _asked(connection, "SELECT pg_switch_wal()")
            last = _asked(connection, f"SELECT pg_walfile_name('{end}')")
        self._received(end)
        for segment in sorted((self._source.data / "pg_wal").glob("?" * len(last))):
            archived = self._place / _LOG / segment.name
            if segment.name <= last and not archived.exists():
                shutil.copyfile(segment, archived)
                self._give(archived)
        return float(latest), int(last[:8], 16)

    def _received(self, end: str) -> None:
        """Wait until a standby has the log up to there."""
        question = (
            "SELECT NOT pg_is_in_recovery() OR coalesce(pg_last_wal_replay_lsn() >= %s, false)"
        )
        deadline = time.monotonic() + _RECEIVED_S
        while not self._source.ask(question, end):
            if time.monotonic() > deadline:
                raise LabError(
                    f"{self._source.name} has not received the log up to {end} in {_RECEIVED_S} s",
                    remedy="heal its replication link, or rebuild it",
                )
            time.sleep(_POLL_S)

    def latest_snapshot(self) -> RestorePoint | None:
        """The base backup."""
        if not (self._place / _BASE).exists():
            return None
        return RestorePoint(kind=BackupKind.SNAPSHOT, at=self._times()["base"], snapshot=_BASE)

    def window(self) -> tuple[float, float]:
        """From the base backup to the end of the archive."""
        times = self._times()
        return times["base"], times["latest"]

    def restorations(self) -> tuple[Restoration, ...]:
        """What lies in its directory, with what it carries."""
        return tuple(
            self._restoration(path.stem, _TAGS.validate_json(path.read_bytes()))
            for path in sorted(self._place.glob("restored-*.json"))
        )

    def begin(self, run: str, point: RestorePoint, started_at: float) -> None:
        """Note what is to be restored; `advance` does it."""
        name = f"restored-{point.kind}"
        if not self._tags_of(name).exists():
            self._keep(name, _Tags(run=run, point=point, started_at=started_at))

    def advance(self, restoration: Restoration) -> None:
        """Verify the backup, copy it, replay the log, and start a server; begun anew if killed."""
        name, data = restoration.name, self._place / restoration.name
        binaries = self._host.binaries
        cluster = Cluster(name, data=data, port=self._port, host=self._host)
        cluster.remove()
        try:
            binaries.run("pg_verifybackup", "--no-parse-wal", self._place / _BASE)
            shutil.copytree(self._place / _BASE, data)
            for path in (data, *data.rglob("*")):
                self._give(path)
            data.chmod(0o700)
            cluster.configure()
            self._replay(data, restoration.point)
            cluster.start()
        except LabError as error:
            cluster.kill()
            tags = _TAGS.validate_json(self._tags_of(name).read_bytes())
            failed = _Tags(
                run=tags.run, point=tags.point, started_at=tags.started_at, problem=error.what
            )
            self._keep(name, failed)
        else:
            self._running[name] = cluster

    @contextmanager
    def open(self, restoration: Restoration) -> Generator[RestoredLedger]:
        """Connect as the first role."""
        try:
            connection = self._running[restoration.name].connect(user=OWNER)
        except psycopg.Error as error:
            raise UnavailableError(f"{restoration.name} does not answer: {error}") from error
        with connection:
            connection.autocommit = True
            yield PostgresRestoredLedger(connection)

    def remove(self, restoration: Restoration) -> None:
        """End its server and delete everything of it."""
        name = restoration.name
        Cluster(name, data=self._place / name, port=self._port, host=self._host).remove()
        running = self._running.pop(name, None)
        if running is not None:
            running.remove()
        self._tags_of(name).unlink(missing_ok=True)

    def _replay(self, data: Path, point: RestorePoint) -> None:
        """A snapshot recovers by itself; a point in time needs the archive and the time."""
        # Whatever becomes of the copy, it is deleted soon.
        lines = ["fsync = off\n"]
        if point.kind is BackupKind.POINT_IN_TIME:
            for segment in (self._place / _LOG).iterdir():
                self._give(shutil.copyfile(segment, data / "pg_wal" / segment.name))
            at = datetime.fromtimestamp(point.at, UTC).isoformat()
            lines += [
                "restore_command = 'exit 1'\n",  # nothing is elsewhere
                f"recovery_target_time = '{at}'\n",
                "recovery_target_action = 'promote'\n",
                "hot_standby = off\n",  # ready only when all of the log was replayed
            ]
            (data / "recovery.signal").touch()
            self._give(data / "recovery.signal")
        settings = data / "postgresql.auto.conf"
        settings.write_text("".join(lines), encoding="utf-8")
        self._give(settings)

    def _give(self, path: Path) -> None:
        self._host.binaries.give(path)

    def _restoration(self, name: str, tags: _Tags) -> Restoration:
        stage = self._stage(name, tags)
        return Restoration(
            name=name,
            run=tags.run,
            point=tags.point,
            started_at=tags.started_at,
            stage=stage,
            detail=tags.problem or stage.value,
        )

    def _stage(self, name: str, tags: _Tags) -> RestoreStage:
        if tags.problem:
            return RestoreStage.FAILED
        cluster = self._running.get(name)
        alive = cluster is not None and cluster.alive
        return RestoreStage.READY if alive else RestoreStage.UNDER_WAY

    def _tags_of(self, name: str) -> Path:
        return self._place / f"{name}.json"

    def _keep(self, name: str, tags: _Tags) -> None:
        self._tags_of(name).write_bytes(_TAGS.dump_json(tags))

    def _times(self) -> dict[str, float]:
        path = self._place / _TIMES
        return json.loads(path.read_bytes()) if path.exists() else {}

    def _keep_times(self, **times: float) -> None:
        kept = {**self._times(), **times}
        (self._place / _TIMES).write_text(json.dumps(kept), encoding="utf-8")


def _asked(connection: psycopg.Connection[Any], question: str) -> Any:
    row: Any = connection.execute(question.encode()).fetchone()
    return row[0]
