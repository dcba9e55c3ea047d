"""A ledger of 1 GB restored and verified, with where the time goes, against copying its bytes.

The rows are made by SQL, as `ledger.book` would have left them; the records that imply them are
made by number. One run is what the scheduled function does with one backup: a snapshot is restored
as a PostgreSQL of its own (manifest verified, files copied, log replayed), every entry is checked
against the records and the live ledger, and all is deleted. The floors, in turn with it: a plain
copy of the same files, and one sequential read of the same tables.

Run as `python benchmarks/restore.py`; it needs three times the ledger's size on disk.
"""

import argparse
import random
import shutil
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from psycopg import Connection

from common import Result, emit, median, say
from ledger_server import ledger_server, owner, postgres_host
from patroni_peer import free_port
from payment_dr.adapters.backup_reader import PostgresLiveLedger
from payment_dr.adapters.clock import SystemClock
from payment_dr.checks.backup_documents import VerificationEvidence
from payment_dr.checks.backup_source import BackupKind, ExpectedEntry
from payment_dr.checks.verdict import Verdict
from payment_dr.core.stamp import SiteName
from payment_dr.functions.backup_pass import Verification, VerificationPorts
from payment_dr.lab.backups import LabBackups
from payment_dr.lab.postgres_binaries import PostgresBinaries
from payment_dr.payments.record import OperationKind

PER_GB = 660_000
"""Payments in a gigabyte, indexes included; the size that came out is in the result."""

AGE_S = 86_400.0
"""Age of the newest entry: none is too young to be judged."""

# Of the payment of each number: id, and time; its amount in minor units.
NUMBERS = """
    SELECT lpad(to_hex(n), 32, '0')::uuid AS id, to_timestamp(%(base)s - n * 0.01) AS at,
        'merchant-' || n %% 10 AS merchant, 100 + n %% 1000 AS amount
    FROM generate_series(1, %(payments)s) AS n
"""
FILL = {
    "events": """
        INSERT INTO ledger.event (event_id, payment_id, ord, merchant, type, body, created_at)
        SELECT id, id, 1, merchant, 'payment.captured', jsonb_build_object(
            'event_id', id, 'type', 'payment.captured', 'order', 1, 'payment_id', id,
            'operation', 'charge', 'amount', amount, 'currency', 'EUR', 'decline_code', NULL,
            'occurred_at', extract(epoch FROM at), 'payment', jsonb_build_object(
                'status', 'captured', 'amount', amount, 'captured', amount, 'refunded', 0,
                'fees', 0, 'created_at', extract(epoch FROM at))), at
        FROM numbers
    """,
    "entries": """
        INSERT INTO ledger.journal_entry (entry_id, payment_id, merchant, kind, currency,
            occurred_at, posted_at, epoch)
        SELECT id, id, merchant, 'charge', 'EUR', at, at, 1 FROM numbers
    """,
    "postings": """
        INSERT INTO ledger.posting
        SELECT id, leg, account, sign * amount, 'EUR' FROM numbers, (VALUES
            (1, 'provider_receivable', 1), (2, 'merchant_payable', -1)) AS legs (leg, account, sign)
    """,
    "payments": """
        INSERT INTO ledger.payment
        SELECT id, merchant, 'captured', 'EUR', amount, amount, 0, 0, 1, at, at FROM numbers
    """,
}
SCAN = """
    SELECT count(*), sum(p.minor_units), count(DISTINCT e.currency)
    FROM ledger.posting p JOIN ledger.journal_entry e USING (entry_id)
"""


class Filed:
    """Satisfies `functions.backup_pass.Evidence`, in memory."""

    def __init__(self) -> None:
        self.verdicts: list[VerificationEvidence] = []

    def put(self, evidence: VerificationEvidence) -> None:
        self.verdicts.append(evidence)

    def has(self, run: str, kind: BackupKind) -> bool:
        return any(one.point.kind is kind for one in self.of(run))

    def of(self, run: str) -> tuple[VerificationEvidence, ...]:
        return tuple(one for one in self.verdicts if one.run == run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--payments", type=int, default=PER_GB)
    given = parser.parse_args()
    parts: list[dict[str, float]] = []
    with ledger_server() as server, owner(server) as connection, postgres_host() as (at, host):
        base = time.time() - AGE_S
        size = fill(connection, given.payments, base)
        place = at / "backups"
        backups = LabBackups(place, host=host, source=server, port=free_port())
        begun = time.perf_counter()
        backups.keep()
        backup_s = time.perf_counter() - begun
        for number in range(given.runs):
            seconds = verified(backups, connection, given.payments, base, f"run-{number}")
            parts.append(seconds | floors(host.binaries, place, connection))
            say(f"run {number + 1}: {parts[-1]}")
    report(parts, size, given.payments, backup_s)


def floors(binaries: PostgresBinaries, place: Path, connection: Connection) -> dict[str, float]:
    """Seconds of what a restore and a check cannot do without, by hand."""
    marks = [time.perf_counter()]
    binaries.run("pg_verifybackup", "--no-parse-wal", place / "base")
    marks.append(time.perf_counter())
    shutil.copytree(place / "base", place / "copy")
    marks.append(time.perf_counter())
    connection.execute(SCAN)
    marks.append(time.perf_counter())
    shutil.rmtree(place / "copy")
    names = ("manifest_s", "copy_s", "scan_s")
    return {name: b - a for name, (a, b) in zip(names, pairwise(marks), strict=True)}


def report(parts: Sequence[Mapping[str, float]], size: int, payments: int, backup_s: float) -> None:
    """The whole with its split, and the floors."""
    detail = {
        "ledger_bytes": size,
        "payments": payments,
        "base_backup_s": round(backup_s, 2),
        **{name: round(median([one[name] for one in parts]), 2) for name in parts[0]},
        "restore_to_copy": [round(one["restore_s"] / one["copy_s"], 2) for one in parts],
    }
    whole = tuple(one["restore_s"] + one["check_s"] + one["delete_s"] for one in parts)
    title = "restore and verification of a ledger of 1 GB"
    emit(Result(name=title, unit="s", runs=whole, detail=detail))
    for name, what in (("restore_s", "restore"), ("check_s", "check"), ("copy_s", "floor: copy")):
        emit(Result(name=f"{title}: {what}", unit="s", runs=tuple(one[name] for one in parts)))


def fill(connection: Connection, payments: int, base: float) -> int:
    """Make the rows; the ledger's size in bytes."""
    connection.execute("SET session_replication_role = replica")
    for what, statement in FILL.items():
        query = f"WITH numbers AS ({NUMBERS}) {statement}".encode()
        connection.execute(query, {"base": base, "payments": payments})
        say(f"made {payments:,} {what}")
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")
    connection.execute(
        "UPDATE ledger.schema_version SET applied_at = applied_at - interval '30 days'"
    )
    row = connection.execute("SELECT pg_database_size('ledger')").fetchone()
    assert row is not None
    say(f"the ledger has {row[0] / 1e9:.2f} GB")
    return int(row[0])


def expected(payments: int, base: float) -> Iterator[ExpectedEntry]:
    """What the records would imply."""
    for number in range(1, payments + 1):
        text = f"{number:032x}"
        name = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        yield ExpectedEntry(
            entry_id=name,
            payment_id=name,
            kind=OperationKind.CHARGE.value,
            currency="EUR",
            occurred_at=base - number * 0.01,
            amount=100 + number % 1000,
        )


def verified(
    backups: LabBackups, connection: Connection, payments: int, base: float, name: str
) -> dict[str, float]:
    """One backup restored, checked and deleted; seconds of each."""

    @contextmanager
    def live() -> Generator[PostgresLiveLedger]:
        yield PostgresLiveLedger(connection)

    filed = Filed()
    ports = VerificationPorts(
        site=SiteName("east"),
        source=backups,
        evidence=filed,
        expected=lambda: expected(payments, base),
        live=live,
        clock=SystemClock(),
        random=random.SystemRandom().random,
    )
    verification = Verification(ports)
    marks = [time.perf_counter()]
    for _ in ("begin", "restore", "check and delete"):
        verification.advance(name)
        marks.append(time.perf_counter())
    (evidence,) = filed.of(name)
    assert evidence.verdict is Verdict.PASS, evidence
    assert evidence.entries == payments
    assert evidence.check_s is not None
    return {
        "restore_s": marks[2] - marks[0],
        "check_s": evidence.check_s,
        "delete_s": marks[3] - marks[2] - evidence.check_s,
    }


if __name__ == "__main__":
    main()
