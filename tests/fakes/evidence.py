"""The rows of a run in memory: tests tamper with them, then check them or write them to files."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from payment_dr.adapters import evidence_files as files
from payment_dr.checks.evidence import (
    Event,
    EventType,
    Evidence,
    Function,
    Given,
    HistoryEvent,
    PaymentRow,
    PostingRow,
    ProviderRow,
    Reconciliation,
    RunFacts,
    SourceName,
    SourceState,
)

START_NS = 1_760_000_000_000_000_000


@dataclass(kw_only=True)
class FakeRun:
    """The rows of a run; its lists may be changed before they are checked or written."""

    facts: RunFacts
    history: list[HistoryEvent] = field(default_factory=list)
    provider: list[ProviderRow] = field(default_factory=list)
    payments: list[PaymentRow] = field(default_factory=list)
    ledger: list[PostingRow] = field(default_factory=list)
    moves: list[Reconciliation] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    states: dict[SourceName, SourceState] = field(default_factory=dict)

    def evidence(self) -> Evidence:
        """As the checker takes it."""

        def state(name: SourceName) -> SourceState:
            return self.states.get(name, SourceState.COMPLETE)

        return Evidence(
            run=self.facts,
            history=Given(name=(n := SourceName.HISTORY), rows=self.history, state=state(n)),
            provider=Given(name=(n := SourceName.PROVIDER), rows=self.provider, state=state(n)),
            payments=Given(name=(n := SourceName.PAYMENTS), rows=self.payments, state=state(n)),
            ledger=Given(name=(n := SourceName.LEDGER), rows=self.ledger, state=state(n)),
            moves=Given(name=(n := SourceName.MOVES), rows=self.moves, state=state(n)),
        )

    def document(self) -> dict[str, object]:
        """What run.json says."""
        return {
            "scenario": self.facts.scenario,
            "design": self.facts.design,
            "seed": self.facts.seed,
            "ledger_sites": list(self.facts.ledger_sites),
            "standby_back": self.facts.standby_back,
            "fault_ns": self.facts.fault_ns,
            "offered_per_s": self.facts.offered_per_s,
            "rows": {
                "history.jsonl": len(self.history),
                "provider.jsonl": len(self.provider),
                "payments.jsonl": len(self.payments),
                "ledger.csv": len(self.ledger),
                "moves.jsonl": len(self.moves),
            },
            "started_ns": START_NS,
            "environment": {
                "cpus": 2,
                "python": "3.11.7",
                "postgresql": "16.14",
                "commit": "0" * 40,
            },
            "settings": {
                "objectives": {"acceptance_rto_s": 8, "ledger_rto_s": 20, "rpo_payments": 0}
            },
        }

    def write(self, directory: Path) -> Path:
        """Write the run directory."""
        directory.mkdir(parents=True, exist_ok=True)
        files.write_history(directory, self.history)
        files.write_provider(directory, self.provider)
        files.write_payments(directory, self.payments)
        files.write_ledger(directory, self.ledger)
        files.write_moves(directory, self.moves)
        files.write_events(directory, self.events)
        files.write_run(directory, self.document())
        return directory

    def index_of(self, f: Function, end: EventType, *, nth: int = 0) -> int:
        """Position of the nth end of that kind in the history."""
        found = [i for i, row in enumerate(self.history) if (row.f, row.type) == (f, end)]
        return found[nth]

    def change_history(self, index: int, **changes: object) -> HistoryEvent:
        """Replace fields of one line; returns the new one."""
        self.history[index] = replace(self.history[index], **changes)
        return self.history[index]

    def cut(self, name: SourceName, *, keep: float) -> None:
        """Leave out all but a share of the first rows of a source."""
        every: dict[SourceName, list[Any]] = {
            SourceName.HISTORY: self.history,
            SourceName.PROVIDER: self.provider,
            SourceName.PAYMENTS: self.payments,
            SourceName.LEDGER: self.ledger,
            SourceName.MOVES: self.moves,
        }
        rows = every[name]
        del rows[int(len(rows) * keep) :]

    def renumber(self) -> None:
        """Give the history's lines their numbers anew, after some were added or removed."""
        self.history[:] = [replace(row, index=i) for i, row in enumerate(self.history)]
