"""The surviving ledgers against the records: each movement of money posted once, and balanced."""

from collections.abc import Iterator
from sys import intern
from typing import Final

from msgspec import Struct

from payment_dr.checks.evidence import Evidence, OperationRow, PaymentRow, PostingRow
from payment_dr.checks.statuses import CAPTURE, CHARGE, PENDING, REFUND, SUCCEEDED
from payment_dr.checks.verdict import Claim, Judgement

RECEIVABLE: Final = "provider_receivable"
PAYABLE: Final = "merchant_payable"
FEES: Final = "fees"
REFUNDS: Final = "refunds"

_BITS: Final = {RECEIVABLE: 1, PAYABLE: 2, FEES: 4, REFUNDS: 8}
"""What is kept of the legs that are there as expected."""


class Entry(Struct, frozen=True, gc=False):
    """The journal entry that a succeeded operation must have; `amount` is the receivable's leg."""

    payment_id: str
    kind: str
    amount: int
    currency: str
    fee: int

    def leg(self, account: str) -> int:
        """The amount that must be on an account; 0 when it has no leg there."""
        if account == RECEIVABLE:
            return self.amount
        if self.amount < 0:
            return -self.amount if account == REFUNDS else 0
        if account == PAYABLE:
            return self.fee - self.amount
        return -self.fee if account == FEES else 0

    @property
    def legs(self) -> int:
        """The bits of all its legs."""
        return sum(bit for account, bit in _BITS.items() if self.leg(account))

    def is_of(self, row: PostingRow) -> bool:
        """Whether a posting is one of its legs."""
        return (
            self.leg(row.account) == row.amount
            and self.payment_id == row.payment_id
            and self.kind == row.kind
            and self.currency == row.currency
        )


class Span(Struct, gc=False):
    """First and last posting of one epoch in one ledger, and the payment of the last."""

    first_ns: int
    last_ns: int
    payment_id: str


def entry_of(row: PaymentRow, operation: OperationRow) -> Entry | None:
    """What must be posted for one operation; None when it moved no money."""
    if operation.state != SUCCEEDED:
        return None
    if operation.kind == CAPTURE or (operation.kind == CHARGE and operation.capture):
        return _entry(row, operation, operation.amount)
    if operation.kind == REFUND:
        return _entry(row, operation, -operation.amount)
    return None


def _entry(row: PaymentRow, operation: OperationRow, amount: int) -> Entry:
    kind, currency = intern(operation.kind), intern(row.currency)
    return Entry(row.payment_id, kind, amount, currency, operation.fee)


class SiteLedger:
    """What one surviving ledger holds. Of a posting as expected only its leg is kept."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.spans: dict[int, Span] = {}
        self._legs: dict[str, int] = {}
        self._odd: dict[str, list[PostingRow]] = {}

    def posted(self, row: PostingRow, entry: Entry | None) -> bool:
        """Add a posting; False when it is not what its record implies."""
        bit = _BITS.get(row.account, 0)
        legs = self._legs.get(row.entry_id, 0)
        expected = bit and not legs & bit and entry is not None and entry.is_of(row)
        if expected:
            self._legs[row.entry_id] = legs | bit
        else:
            self._odd.setdefault(row.entry_id, []).append(row)
        span = self.spans.get(row.epoch)
        if span is None:
            self.spans[row.epoch] = Span(row.posted_at_ns, row.posted_at_ns, row.payment_id)
        elif row.posted_at_ns > span.last_ns:
            span.last_ns = row.posted_at_ns
            span.payment_id = row.payment_id
        elif row.posted_at_ns < span.first_ns:
            span.first_ns = row.posted_at_ns
        return bool(expected)

    def has(self, entry_id: str, entry: Entry) -> bool:
        """Whether every leg of an entry is there as expected."""
        return self._legs.get(entry_id) == entry.legs

    def unbalanced(self, entries: dict[str, Entry]) -> Iterator[tuple[str, str, int]]:
        """Entry id, currency and sum of what does not sum to zero."""
        partial = {i for i, legs in self._legs.items() if legs != entries[i].legs}
        for entry_id in sorted(partial | self._odd.keys()):
            sums: dict[str, int] = {}
            for row in self._odd.get(entry_id, ()):
                sums[row.currency] = sums.get(row.currency, 0) + row.amount
            if entry_id in partial:
                entry, legs = entries[entry_id], self._legs[entry_id]
                amount = sum(entry.leg(account) for account, bit in _BITS.items() if legs & bit)
                sums[entry.currency] = sums.get(entry.currency, 0) + amount
            for currency, balance in sums.items():
                if balance:
                    yield entry_id, currency, balance


class Ledgers:
    """Reads the records, then the postings; memory grows with the journal entries."""

    def __init__(self, evidence: Evidence) -> None:
        self._ledger = evidence.ledger
        self._payments = evidence.payments
        self.entries: dict[str, Entry] = {}
        """What must be posted, by entry id; filled by `recorded`."""
        self.events: set[str] = set()
        """Decided operations that moved no money, which a ledger has an event of and no entry."""
        self._sites = {site: SiteLedger(site) for site in evidence.run.ledger_sites}
        ledger, payments = evidence.ledger, evidence.payments
        self._in_ledger = Judgement(
            "acknowledged-payments-in-ledger",
            "Each surviving ledger has exactly one entry for each movement of money in the "
            "records, of the same payment, amount and currency, and no other entry.",
            [ledger, payments],
        )
        self._balance = Judgement(
            "postings-balance",
            "The postings of every journal entry sum to zero in each currency.",
            [ledger],
        )
        self._fenced = Judgement(
            "old-epochs-stay-fenced",
            "In no surviving ledger was anything posted under an epoch after a later epoch had "
            "posted there.",
            [ledger],
        )

    def recorded(self, row: PaymentRow) -> None:
        """Keep what a record implies."""
        for operation in row.operations:
            entry = entry_of(row, operation)
            if entry is not None:
                self.entries[operation.operation_id] = entry
            elif operation.state != PENDING:
                self.events.add(operation.operation_id)

    def read(self) -> None:
        """Read the postings, after all records. Those of kept old writers are not judged."""
        sites, entries = self._sites, self.entries
        for row in self._ledger:
            site = sites.get(row.site)
            if site is not None:
                entry = entries.get(row.entry_id)
                if not site.posted(row, entry):
                    self._odd(row, entry)
        if not sites:
            for judgement in (self._in_ledger, self._balance, self._fenced):
                judgement.doubt("the run names no surviving ledger")
        for site in sites.values():
            self._finish(site)

    def _odd(self, row: PostingRow, entry: Entry | None) -> None:
        if entry is None:
            expected = "no record has such an operation"
        else:
            expected = (
                f"the record implies one {entry.kind} of {entry.amount} {entry.currency} for "
                f"{entry.payment_id}"
            )
        self._in_ledger.violated(
            f"posting of {row.amount} {row.currency} to {row.account} in entry {row.entry_id} of "
            f"{row.site}: {expected}",
            payment_id=row.payment_id,
            minor_units=abs(row.amount),
            currency=row.currency,
            absent_from=self._payments if entry is None else None,
        )

    def _finish(self, site: SiteLedger) -> None:
        for entry_id, entry in self.entries.items():
            if not site.has(entry_id, entry):
                self._in_ledger.violated(
                    f"{entry.kind} {entry_id} is not in the ledger of {site.site}, or not wholly",
                    payment_id=entry.payment_id,
                    minor_units=abs(entry.amount),
                    currency=entry.currency,
                    absent_from=self._ledger,
                )
        for entry_id, currency, balance in site.unbalanced(self.entries):
            known = self.entries.get(entry_id)
            self._balance.violated(
                f"entry {entry_id} in the ledger of {site.site} sums to {balance} {currency}",
                payment_id=known.payment_id if known is not None else None,
                minor_units=abs(balance),
                currency=currency,
                absent_from=self._ledger,
            )
        for epoch, span in site.spans.items():
            for later, its in site.spans.items():
                if later > epoch and its.first_ns < span.last_ns:
                    self._fenced.violated(
                        f"epoch {epoch} posted in the ledger of {site.site} "
                        f"{(span.last_ns - its.first_ns) / 1e6:.1f} ms after epoch {later} had",
                        payment_id=span.payment_id,
                    )

    def lacking(self, entry_id: str) -> list[str]:
        """Sites whose surviving ledger has not the whole entry."""
        entry = self.entries[entry_id]
        return [name for name, site in self._sites.items() if not site.has(entry_id, entry)]

    def claims(self) -> list[Claim]:
        """Judge, after `read`."""
        return [judgement.claim() for judgement in (self._in_ledger, self._balance, self._fenced)]
