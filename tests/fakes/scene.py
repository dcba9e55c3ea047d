"""One site with every part faked, and short words for what tests do with it."""

from dataclasses import replace
from typing import Final

from fakes.clock import FakeClock
from fakes.control import EAST, FakeControl
from fakes.faults import Script
from fakes.ledger import FakeLedger
from fakes.provider import FakeProvider
from fakes.table import FakePaymentsTable
from payment_dr.core.money import Money
from payment_dr.core.settings import PaymentSettings
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.outcome import Created
from payment_dr.payments.record import OperationKind, Record
from payment_dr.payments.requests import OperationRequest, PayRequest
from payment_dr.payments.service import PaymentService, Ports

MERCHANT: Final = "acme"
STAMP: Final = Stamp(epoch=Epoch(1), site=EAST)
LIMITS: Final = PaymentSettings()

PAY: Final = PayRequest(
    merchant=MERCHANT,
    idempotency_key="order-1",
    money=Money(minor_units=1000, currency="EUR"),
    capture=True,
    payment_method="pm_card_visa",
)
AUTHORISE: Final = replace(PAY, capture=False)


class Scene:
    """East is active and steady; every effect passes `script`, which may let it fail."""

    def __init__(self, *, fee_basis_points: int = 0) -> None:
        self.limits = LIMITS.model_copy(update={"fee_basis_points": fee_basis_points})
        self.script = Script()
        self.clock = FakeClock()
        self.table = FakePaymentsTable(self.script)
        self.ledger = FakeLedger(self.script, stamp=STAMP)
        self.provider = FakeProvider(self.clock, self.script)
        self.control = FakeControl(self.script)
        self.service = self.service_at(EAST)

    def service_at(self, site: SiteName, owner: str = "process") -> PaymentService:
        """Another process, at any site, in the same world."""
        return PaymentService(
            Ports(
                table=self.table,
                ledger=self.ledger,
                provider=self.provider,
                clock=self.clock,
                control=self.control,
            ),
            site=site,
            owner=f"{owner} at {site}",
            limits=self.limits,
            breaker=CircuitBreaker(),
        )

    def paid(self, request: PayRequest = PAY) -> Record:
        """The record of a payment that succeeded."""
        outcome = self.service.pay(request)
        assert isinstance(outcome, Created)
        return outcome.record

    @property
    def record(self) -> Record:
        """The one record in the table."""
        assert len(self.table.records) == 1
        return next(iter(self.table.records.values()))


def on(
    record: Record, kind: OperationKind, amount: int | None = None, *, key: str = "operation-1"
) -> OperationRequest:
    """An operation on a payment by its merchant."""
    return OperationRequest(
        merchant=record.merchant,
        payment_id=record.payment_id,
        idempotency_key=key,
        kind=kind,
        amount_minor=amount,
    )


def refund(record: Record, amount: int, *, key: str = "refund-1") -> OperationRequest:
    """A refund of a payment by its merchant."""
    return on(record, OperationKind.REFUND, amount, key=key)
