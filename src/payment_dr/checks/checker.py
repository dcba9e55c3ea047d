"""The checker: evidence in, claims with verdicts out. Pure, and linear in time and memory.

It falls into two parts that share no state, so that a large run can be checked on two cores:
what clients, records and provider say, and what records, ledgers and moves say.
"""

from dataclasses import dataclass

from payment_dr.checks.charges import Charges, DoubleCharges
from payment_dr.checks.evidence import Evidence
from payment_dr.checks.history import Counts, Histories
from payment_dr.checks.ledger import Ledgers
from payment_dr.checks.moves import Moves
from payment_dr.checks.records import Loss, Records
from payment_dr.checks.verdict import Claim, Verdict, worst


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """The part about clients, records and provider. None where the evidence decides nothing."""

    claims: tuple[Claim, ...]
    counts: Counts
    loss: Loss | None
    doubles: DoubleCharges | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """All claims, and the figures that were counted with them."""

    claims: tuple[Claim, ...]
    counts: Counts
    loss: Loss | None
    doubles: DoubleCharges | None

    @property
    def verdict(self) -> Verdict:
        """The worst of all claims."""
        return worst(claim.verdict for claim in self.claims)


def check(evidence: Evidence) -> CheckResult:
    """Judge everything; `payments` is read twice, the other sources once."""
    return joined(check_service(evidence), check_books(evidence))


def check_service(evidence: Evidence) -> Service:
    """Judge history, records and provider."""
    histories = Histories(evidence)
    histories.read()
    records = Records(evidence, histories)
    charges = Charges(evidence, names_merchants=histories.names_merchants)
    for row in evidence.payments:
        records.recorded(row)
        histories.reads.recorded(row)
        charges.recorded(row)
    loss = records.finish()
    charges.read(histories.outcomes)
    claims = (*records.claims(), *charges.claims(), *histories.claims())
    return Service(claims=claims, counts=histories.counts(), loss=loss, doubles=charges.doubles())


def check_books(evidence: Evidence) -> tuple[Claim, ...]:
    """Judge records, ledgers and moves."""
    ledgers = Ledgers(evidence)
    for row in evidence.payments:
        ledgers.recorded(row)
    ledgers.read()
    moves = Moves(evidence, ledgers)
    moves.read()
    return (*ledgers.claims(), *moves.claims())


def joined(service: Service, books: tuple[Claim, ...]) -> CheckResult:
    """Put the two parts together."""
    return CheckResult(
        claims=(*service.claims, *books),
        counts=service.counts,
        loss=service.loss,
        doubles=service.doubles,
    )
