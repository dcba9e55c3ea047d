"""Backups of a real ledger, restored for real: good ones pass, each planted fault is found."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from fakes.postgres_pair import PASSWORDS, PostgresPair, postgres_pair
from payment_dr.adapters.backup_reader import PostgresLiveLedger, PostgresRestoredLedger
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.migrations import migrate
from payment_dr.checks.backup import GRACE_S
from payment_dr.checks.backup_documents import VerificationEvidence
from payment_dr.checks.backup_source import (
    BackupKind,
    ExpectedEntry,
    RestoreStage,
    UnreadableBackupError,
)
from payment_dr.checks.verdict import Verdict
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.functions.backup_pass import Verification, VerificationPorts
from payment_dr.lab import backups as module
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.backups import LabBackups
from payment_dr.lab.errors import LabError
from payment_dr.lab.guardian import kill_trees
from payment_dr.lab.network.links import Mode
from payment_dr.lab.postgres import OWNER, Cluster

pytestmark = pytest.mark.lab

Admin = psycopg.Connection[Any]
EAST = SiteName("east")
OLD_S = 2 * GRACE_S


@dataclass
class Filed:
    """Satisfies `Evidence`."""

    verdicts: list[VerificationEvidence]

    def put(self, evidence: VerificationEvidence) -> None:
        self.verdicts.append(evidence)

    def has(self, run: str, kind: BackupKind) -> bool:
        return any((one.run, one.point.kind) == (run, kind) for one in self.verdicts)

    def of(self, run: str) -> tuple[VerificationEvidence, ...]:
        return tuple(one for one in self.verdicts if one.run == run)


class Ledger:
    """A live ledger with entries that were posted a while ago, its backups, and its records."""

    def __init__(self, pair: PostgresPair, owner: Admin) -> None:
        self.pair = pair
        self.owner = owner
        self.expected: dict[str, ExpectedEntry] = {}
        self.filed = Filed([])
        name = f"backups-{uuid.uuid4().hex[:8]}"
        self.place = pair.directory.postgres / name
        self.backups = LabBackups(
            self.place,
            host=pair.host,
            source=Cluster(
                "east",
                data=pair.directory.postgres / "east",
                port=pair.addresses.postgres_port["east"],
                host=pair.host,
            ),
            port=pair.addresses.evidence_port,
        )

    def post(self, *, amount: int = 100, recorded: bool = True, age_s: float = OLD_S) -> str:
        """Put an entry straight into the tables, as of a while ago."""
        entry_id, payment_id = str(uuid.uuid4()), str(uuid.uuid4())
        with self.owner.transaction():
            at = self.owner.execute(
                "INSERT INTO ledger.journal_entry (entry_id, payment_id, merchant, kind, currency, "
                "occurred_at, posted_at, epoch) SELECT %s, %s, 'shop', 'charge', 'EUR', t, t, 1 "
                "FROM (VALUES (clock_timestamp() - make_interval(secs => %s))) AS v(t) "
                "RETURNING extract(epoch FROM occurred_at)::float8",
                (entry_id, payment_id, age_s),
            ).fetchone()
            assert at is not None
            for leg, (account, units) in enumerate(
                (("provider_receivable", amount), ("merchant_payable", -amount)), start=1
            ):
                self.owner.execute(
                    "INSERT INTO ledger.posting VALUES (%s, %s, %s, %s, 'EUR')",
                    (entry_id, leg, account, units),
                )
        if recorded:
            self.expected[entry_id] = ExpectedEntry(
                entry_id=entry_id,
                payment_id=payment_id,
                kind="charge",
                currency="EUR",
                occurred_at=at[0],
                amount=amount,
            )
        return entry_id

    def forget(self, entry_id: str) -> None:
        """Delete an entry in spite of all triggers."""
        with self.owner.transaction():
            self.owner.execute("SET LOCAL session_replication_role = replica")
            self.owner.execute("DELETE FROM ledger.posting WHERE entry_id = %s", (entry_id,))
            self.owner.execute("DELETE FROM ledger.journal_entry WHERE entry_id = %s", (entry_id,))

    def verification(self, fraction: float = 0.999) -> Verification:
        """A new process's."""
        return Verification(
            VerificationPorts(
                site=EAST,
                source=self.backups,
                evidence=self.filed,
                expected=lambda: iter(self.expected.values()),
                live=self.live,
                clock=SystemClock(),
                random=lambda: fraction,
            )
        )

    @contextmanager
    def live(self) -> Iterator[PostgresLiveLedger]:
        yield PostgresLiveLedger(self.owner)

    def verify(self) -> dict[BackupKind, VerificationEvidence]:
        """Passes until nothing is left to do."""
        for _ in range(20):
            (did,) = self.verification().advance()
            if did.endswith("is verified"):
                return {one.point.kind: one for one in self.filed.verdicts}
        raise AssertionError(self.backups.restorations())


@pytest.fixture(name="servers", scope="module")
def servers_fixture() -> Iterator[PostgresPair]:
    with postgres_pair() as pair:
        with pair.ledgers.connect("east") as admin:
            migrate(admin)
            admin.execute(
                "UPDATE ledger.schema_version SET applied_at = applied_at - interval '1 hour'"
            )
        yield pair


@pytest.fixture(name="ledger")
def ledger_fixture(servers: PostgresPair) -> Iterator[Ledger]:
    with psycopg.connect(
        host=LOOPBACK,
        port=servers.addresses.postgres_port["east"],
        user=OWNER,
        password=PASSWORDS.owner,
        dbname="ledger",
        autocommit=True,
    ) as owner:
        owner.execute("ALTER TABLE ledger.posting DISABLE TRIGGER immutable")
        owner.execute("ALTER TABLE ledger.journal_entry DISABLE TRIGGER immutable")
        owner.execute("TRUNCATE ledger.journal_entry, ledger.posting")
        made = Ledger(servers, owner)
        for number in range(20):
            made.post(amount=100 + number)
        yield made
        for restored in made.backups.restorations():
            made.backups.remove(restored)


def kill_server(data: Path) -> None:
    pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    kill_trees([psutil.Process(pid)])


def failed(one: VerificationEvidence) -> dict[str, str]:
    """Claims that failed, each with what its first witness says."""
    return {
        claim.name: "" if claim.first is None else claim.first.detail
        for claim in one.claims
        if claim.verdict is Verdict.FAIL
    }


def test_a_snapshot_and_a_point_in_time_of_a_good_ledger_pass_and_are_deleted(
    ledger: Ledger,
) -> None:
    ledger.backups.take()
    ledger.post(age_s=0)
    ledger.backups.archive()
    verdicts = ledger.verify()
    assert [failed(one) for one in verdicts.values()] == [{}, {}]
    snapshot, point = verdicts[BackupKind.SNAPSHOT], verdicts[BackupKind.POINT_IN_TIME]
    assert (snapshot.verdict, point.verdict) == (Verdict.PASS, Verdict.PASS)
    assert (snapshot.entries, point.entries) == (20, 21)
    assert snapshot.restore_s is not None
    assert snapshot.newest_age_s is not None
    assert snapshot.newest_age_s >= OLD_S - 1
    assert ledger.backups.restorations() == ()
    assert not list(ledger.place.glob("restored-*"))


def test_a_page_that_changed_on_disk_is_found(ledger: Ledger) -> None:
    ledger.backups.take()
    row = ledger.owner.execute("SELECT pg_relation_filepath('ledger.posting')").fetchone()
    assert row is not None
    page = ledger.place / "base" / row[0]
    content = bytearray(page.read_bytes())
    content[4_000] ^= 1
    page.write_bytes(content)
    verdicts = ledger.verify()
    for one in verdicts.values():
        assert "checksum mismatch" in failed(one)["backup-restores"]
        assert row[0] in failed(one)["backup-restores"]
        assert one.restore_s is None


def test_a_missing_segment_of_the_log_is_found_by_the_point_in_time_that_needs_it(
    ledger: Ledger,
) -> None:
    ledger.backups.take()
    for _ in range(3):
        ledger.post(age_s=0)
        ledger.backups.archive()
    segments = sorted(ledger.place.glob("log/*"))
    segments[-2].unlink()
    verdicts = ledger.verify()
    assert failed(verdicts[BackupKind.SNAPSHOT]) == {}
    says = failed(verdicts[BackupKind.POINT_IN_TIME])["backup-restores"]
    assert "recovery target" in says


def test_a_doubled_entry_in_the_backup_is_found(ledger: Ledger) -> None:
    ledger.backups.take()
    twin = ledger.post(recorded=False)
    ledger.backups.take()
    ledger.forget(twin)
    ledger.backups.archive()
    found = failed(ledger.verify()[BackupKind.SNAPSHOT])
    assert set(found) == {"entries-match-records", "control-totals"}
    assert twin in found["entries-match-records"]


def test_an_entry_that_the_backup_lacks_is_found(ledger: Ledger) -> None:
    ledger.backups.take()
    lost = ledger.post()
    found = failed(ledger.verify()[BackupKind.SNAPSHOT])
    assert set(found) == {"entries-match-records", "control-totals", "no-fewer-rows"}
    assert lost in found["entries-match-records"]


def test_without_a_backup_the_verdict_is_a_failure(ledger: Ledger) -> None:
    assert ledger.backups.latest_snapshot() is None
    assert "there is none" in ledger.verification().advance()[0]
    assert failed(ledger.filed.verdicts[0]) == {
        "backup-restores": "there is no snapshot to restore"
    }


def test_a_restore_whose_process_was_killed_is_begun_anew(ledger: Ledger) -> None:
    ledger.backups.take()
    ledger.verification().advance()
    ledger.verification().advance()
    (one,) = ledger.backups.restorations()
    assert one.stage is RestoreStage.READY
    again = LabBackups(
        ledger.place,
        host=ledger.pair.host,
        source=Cluster("east", data=ledger.place, port=1, host=ledger.pair.host),
        port=ledger.pair.addresses.evidence_port,
    )
    (seen,) = again.restorations()
    assert seen.stage is RestoreStage.UNDER_WAY
    again.begin("another run", one.point, 0.0)
    assert again.restorations() == (seen,)
    ledger.backups.remove(one)


def test_a_restored_server_that_died_is_no_verdict(ledger: Ledger) -> None:
    ledger.backups.take()
    ledger.verification().advance()
    ledger.verification().advance()
    (one,) = ledger.backups.restorations()
    with ledger.backups.open(one) as restored:
        assert restored.migrations()
        ledger.backups.remove(one)
        with pytest.raises(UnavailableError, match="reading the restored ledger"):
            list(restored.entries())


def test_a_restored_server_that_does_not_answer_is_tried_again(ledger: Ledger) -> None:
    ledger.backups.take()
    ledger.verification().advance()
    ledger.verification().advance()
    (one,) = ledger.backups.restorations()
    kill_server(ledger.place / one.name)
    with pytest.raises(UnavailableError, match="does not answer"), ledger.backups.open(one):
        pass


Read = Callable[[PostgresRestoredLedger], object]


@pytest.mark.parametrize("read", [lambda one: list(one.entries()), lambda one: one.migrations()])
def test_a_database_without_the_ledger_is_an_unreadable_backup(
    servers: PostgresPair, read: Read
) -> None:
    with psycopg.connect(
        host=LOOPBACK,
        port=servers.addresses.postgres_port["east"],
        user=OWNER,
        password=PASSWORDS.owner,
        dbname="postgres",
        autocommit=True,
    ) as elsewhere:
        with pytest.raises(UnreadableBackupError, match="SQLSTATE"):
            read(PostgresRestoredLedger(elsewhere))
        with pytest.raises(UnavailableError, match="live ledger"):
            PostgresLiveLedger(elsewhere).migrations()


def test_a_posting_whose_entry_is_gone_is_an_entry_without_a_payment(ledger: Ledger) -> None:
    orphan = ledger.post()
    with ledger.owner.transaction():
        ledger.owner.execute("SET LOCAL session_replication_role = replica")
        ledger.owner.execute("DELETE FROM ledger.journal_entry WHERE entry_id = %s", (orphan,))
    (found,) = [
        row for row in PostgresRestoredLedger(ledger.owner).entries() if row.entry_id == orphan
    ]
    assert (found.payment_id, len(found.legs)) == ("", 2)


def standby_of(ledger: Ledger) -> LabBackups:
    """Backups of the standby, whose log the writer ends."""
    servers = {
        site: Cluster(
            site,
            data=ledger.pair.directory.postgres / site,
            port=ledger.pair.addresses.postgres_port[site],
            host=ledger.pair.host,
        )
        for site in ("east", "west")
    }
    return LabBackups(
        ledger.place,
        host=ledger.pair.host,
        source=servers["west"],
        port=ledger.pair.addresses.evidence_port,
        writer=lambda: servers["east"],
    )


def test_a_standby_is_backed_up_from_its_own_files(ledger: Ledger) -> None:
    ledger.backups = standby_of(ledger)
    ledger.backups.keep()
    ledger.post(age_s=0)
    first = ledger.backups.latest_snapshot()
    ledger.backups.keep()
    assert ledger.backups.latest_snapshot() == first
    verdicts = ledger.verify()
    assert [failed(one) for one in verdicts.values()] == [{}, {}]
    assert verdicts[BackupKind.POINT_IN_TIME].entries == 21


def test_a_standby_that_receives_nothing_has_no_backup_of_now(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    backups = standby_of(ledger)
    backups.keep()
    monkeypatch.setattr(module, "_RECEIVED_S", 0)
    link = "pg:west->east"
    ledger.pair.change_link(link, Mode.BLACKHOLE)
    with pytest.raises(LabError, match="west has not received the log"):
        backups.keep()
    ledger.pair.change_link(link, Mode.PASS)
    ledger.pair.ledgers.wait_streaming()


def test_the_log_of_a_server_that_does_not_answer_is_not_archived(ledger: Ledger) -> None:
    nobody = Cluster("east", data=ledger.place, port=1, host=ledger.pair.host)
    backups = LabBackups(ledger.place, host=ledger.pair.host, source=nobody, port=nobody.port)
    with pytest.raises(LabError, match="the log of east was not archived"):
        backups.keep()
