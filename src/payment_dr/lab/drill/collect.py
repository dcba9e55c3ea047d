"""After the load: gathers every source of truth of a lab into the files of a run directory."""

import http.client
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from payment_dr.adapters import evidence_files
from payment_dr.adapters.evidence_store import S3EvidenceStore
from payment_dr.checks.evidence import Event, PaymentRow, PostingRow, ProviderRow, SourceName
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.aws_resources import evidence_bucket
from payment_dr.lab.drill.design import Truth
from payment_dr.lab.drill.rows import payment_row, reconciliations, run_log_events
from payment_dr.lab.errors import LabError
from payment_dr.lab.ledger_rows import posting_rows
from payment_dr.lab.supervisor import Lab
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.documents import (
    EVIDENCE_NAME,
    MOVE_EVIDENCE,
    RECONCILIATION_EVIDENCE,
    RECONCILIATION_PREFIX,
    SUPERSEDED_NAME,
    MoveEvidence,
    ReconciliationEvidence,
)

_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What was gathered: rows by file, and the sites whose ledger could be read."""

    rows: dict[str, int]
    ledger_sites: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Moves:
    """The evidence documents of all moves, of both sites' buckets."""

    finished: tuple[MoveEvidence, ...]
    superseded: tuple[MoveEvidence, ...]
    reconciliations: tuple[ReconciliationEvidence, ...]


def collect(lab: Lab, truth: Truth, directory: Path) -> Collected:
    """Write provider, payments, ledger, moves and events, and keep the logs beside them.

    Raises:
        PaymentDrError: a source that must be there could not be read or written.
    """
    ledgers = surviving_ledgers(lab)
    moves = _moves(lab)
    rows: dict[str, int] = {
        SourceName.PROVIDER: evidence_files.write_provider(directory, provider_rows(lab)),
        SourceName.PAYMENTS: evidence_files.write_payments(directory, payment_rows(truth)),
    }
    kept = {str(site.name): _kept(lab, site.name) for site in lab.settings.sites}
    rows[SourceName.MOVES] = evidence_files.write_moves(
        directory,
        reconciliations(
            moves.finished,
            moves.reconciliations,
            old_writer=lambda m: _old_writer(m, ledgers, kept),
            standby=lambda m: ledgers.get(m.move.target),
            superseded=moves.superseded,
        ),
    )
    postings = [
        *(row for found in ledgers.values() for row in found),
        *(row for found in kept.values() for row in found),
    ]
    rows[SourceName.LEDGER] = evidence_files.write_ledger(directory, postings)
    evidence_files.write_events(directory, _events(lab, truth, moves))
    shutil.copytree(lab.directory / "logs", directory / "logs", dirs_exist_ok=True)
    return Collected(rows=rows, ledger_sites=tuple(ledgers))


def payment_rows(truth: Truth) -> Iterator[PaymentRow]:
    """Every record of the payments table."""
    return (payment_row(record) for record in truth.records())


def provider_rows(lab: Lab) -> tuple[ProviderRow, ...]:
    """Everything the provider did, asked directly, past the links."""
    connection = http.client.HTTPConnection(
        LOOPBACK, lab.addresses.provider_port, timeout=_TIMEOUT_S
    )
    try:
        connection.request("GET", "/_lab/rows")
        body = connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        raise LabError(f"the provider's records could not be read: {error}") from error
    finally:
        connection.close()
    return tuple(msgspec.json.decode(line, type=ProviderRow) for line in body.splitlines())


def surviving_ledgers(lab: Lab) -> dict[str, tuple[PostingRow, ...]]:
    """The postings of each site's ledger that runs and is no stale writer."""
    status = lab.status()["ledger"]
    found: dict[str, tuple[PostingRow, ...]] = {}
    for site in status["alive"]:
        if site not in status["stale"]:
            with lab.connect(site) as connection:
                found[site] = posting_rows(connection, site)
    return found


def _old_writer(
    evidence: MoveEvidence,
    ledgers: dict[str, tuple[PostingRow, ...]],
    kept: dict[str, tuple[PostingRow, ...]],
) -> tuple[PostingRow, ...] | None:
    """A failover leaves the old writer's data behind; a planned move turns it into a standby."""
    source = evidence.move.source
    if evidence.move.kind is MoveKind.FAILOVER:
        return kept[source] or None
    return ledgers.get(source)


def _kept(lab: Lab, site: str) -> tuple[PostingRow, ...]:
    """Postings of the data that a rebuild set aside; none when the site was not rebuilt."""
    try:
        found = lab.old_ledger(site)
    except LabError:
        return ()
    return tuple(msgspec.structs.replace(row, site=f"{site}-old-1") for row in found)


def _moves(lab: Lab) -> Moves:
    finished: dict[str, MoveEvidence] = {}
    superseded: dict[str, MoveEvidence] = {}
    seen: list[ReconciliationEvidence] = []
    for site in lab.settings.sites:
        store = S3EvidenceStore(
            lab.aws_client("s3", site.name), evidence_bucket(lab.settings, site.name)
        )
        try:
            for move_id, name, body in store.documents():
                if name == EVIDENCE_NAME:
                    finished[move_id] = MOVE_EVIDENCE.validate_json(body)
                elif name == SUPERSEDED_NAME:
                    superseded[move_id] = MOVE_EVIDENCE.validate_json(body)
                elif name.startswith(RECONCILIATION_PREFIX):
                    seen.append(RECONCILIATION_EVIDENCE.validate_json(body))
        except UnavailableError:
            continue  # a region that is still down has no evidence of later moves
    return Moves(
        finished=tuple(finished.values()),
        # Who lost a race for the evidence, and not for the move, is finished all the same.
        superseded=tuple(one for move_id, one in superseded.items() if move_id not in finished),
        reconciliations=tuple(seen),
    )


def _events(lab: Lab, truth: Truth, moves: Moves) -> Iterator[Event]:
    events: list[Event] = []
    for file in sorted((lab.directory / "events").glob("*.jsonl")):
        for line in file.read_bytes().splitlines():
            try:
                events.append(msgspec.json.decode(line, type=Event))
            except msgspec.DecodeError as error:
                raise PaymentDrError(f"{file.name} holds a line that is no event") from error
    for evidence in (*moves.finished, *moves.superseded):
        # The document was filed by the last step, so the table's log has lines that it lacks.
        events += run_log_events(evidence.move, truth.run_log(evidence.move.move_id))
    return iter(sorted(events, key=lambda event: event.time_ns))
