"""Moves of the active role: one winner an epoch, and nothing lost that reconciliation missed."""

from itertools import pairwise
from typing import Final

from payment_dr.checks.evidence import Evidence, Reconciliation, SourceState
from payment_dr.checks.ledger import Ledgers
from payment_dr.checks.verdict import Claim, Judgement

_PLANNED: Final = frozenset({"switchover", "failback"})


class Moves:
    """Reads the reconciliations after the ledgers; memory grows with what they saw."""

    def __init__(self, evidence: Evidence, ledgers: Ledgers) -> None:
        moves, payments, ledger = evidence.moves, evidence.payments, evidence.ledger
        self._moves = moves
        self._payments = payments
        self._ledger = ledger
        self._ledgers = ledgers
        self._judged: list[Judgement] = []
        self._epochs = Judgement(
            "epochs-rise-one-winner",
            "The epochs of the moves that were won only rise, and each has one winner.",
            [moves],
        )
        self._lost = Judgement(
            "lost-by-ledger-were-unconfirmed",
            "What the old writer's ledger had and the new one lacked was among the unconfirmed "
            "payments that reconciliation saw.",
            [moves, payments],
        )
        self._planned = Judgement(
            "planned-move-loses-nothing",
            "In a planned move the new writer had every entry of the old one before it opened.",
            [moves],
        )
        self._reconciled = Judgement(
            "reconciled-are-in-ledger",
            "What reconciliation saw and posted is in every surviving ledger.",
            [moves, payments, ledger],
        )

    def read(self) -> None:
        """Read the moves, after records and postings."""
        won = [move for move in self._moves if move.winner]
        self._rising(won)
        for move in won:
            self._losses(move)
        self._still_there(won)
        if won or self._moves.state is not SourceState.COMPLETE:
            self._judged += [self._epochs, self._lost, self._reconciled]
        if any(move.kind in _PLANNED for move in won):
            self._judged.append(self._planned)

    def _rising(self, won: list[Reconciliation]) -> None:
        for before, move in pairwise(won):
            if move.epoch <= before.epoch:
                self._epochs.violated(
                    f"move {move.move_id} won epoch {move.epoch} after move {before.move_id} had "
                    f"won epoch {before.epoch}"
                )

    def _losses(self, move: Reconciliation) -> None:
        if move.old_writer is None or move.standby is None:
            for judgement in (self._lost, self._planned):
                judgement.doubt(f"the ledgers of move {move.move_id} could not be read")
            return
        seen = frozenset(move.seen)
        standby = frozenset(move.standby)
        for entry_id in move.old_writer:
            if entry_id not in standby:
                self._loss(move, entry_id, seen)

    def _loss(self, move: Reconciliation, entry_id: str, seen: frozenset[str]) -> None:
        entry = self._ledgers.entries.get(entry_id)
        payment_id = entry.payment_id if entry is not None else None
        minor_units = abs(entry.amount) if entry is not None else 0
        currency = entry.currency if entry is not None else None
        text = f"entry {entry_id} was only in the old writer at move {move.move_id}"
        if move.kind in _PLANNED:
            self._planned.violated(
                text, payment_id=payment_id, minor_units=minor_units, currency=currency
            )
        if payment_id not in seen:
            self._lost.violated(
                f"{text}, and reconciliation did not see its payment",
                payment_id=payment_id,
                minor_units=minor_units,
                currency=currency,
                absent_from=self._payments if entry is None else None,
            )

    def _still_there(self, won: list[Reconciliation]) -> None:
        seen = frozenset(payment for move in won for payment in move.seen)
        posted = frozenset(entry for move in won for entry in move.posted)
        for entry_id, entry in self._ledgers.entries.items() if won else ():
            if entry.payment_id in seen or entry_id in posted:
                lacking = self._ledgers.lacking(entry_id)
                if lacking:
                    self._reconciled.violated(
                        f"entry {entry_id} is not in the ledger of {', '.join(lacking)}",
                        payment_id=entry.payment_id,
                        minor_units=abs(entry.amount),
                        currency=entry.currency,
                        absent_from=self._ledger,
                    )
        for entry_id in posted - self._ledgers.entries.keys() - self._ledgers.events:
            self._reconciled.violated(
                f"entry {entry_id} was posted, and no record has such an operation",
                absent_from=self._payments,
            )

    def claims(self) -> list[Claim]:
        """Judge, after `read`; no claims when the active role never moved."""
        return [judgement.claim() for judgement in self._judged]
