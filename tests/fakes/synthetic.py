"""Synthetic evidence: what a correct run of a drill would leave behind, made without running one.

`clean_run` plays clients, a service, a provider and two ledgers in simulated time. With a fault it
loses the site `east`, moves to `west`, and brings `east` back as a standby.
"""

import heapq
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from fakes.evidence import START_NS, FakeRun
from payment_dr.checks.evidence import (
    Event,
    EventType,
    Function,
    HistoryEvent,
    OperationRow,
    PaymentRow,
    PostingRow,
    ProviderRow,
    Reconciliation,
    RunFacts,
)

MS = 1_000_000
SECOND = 1_000 * MS
LAG_NS = 100 * MS
"""What was posted this long before the fault never reached the standby."""

OUTAGE_NS = 3_600 * MS
CURRENCIES = ("EUR", "USD", "JPY")


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Shares of the operations; the rest are new payments."""

    duplicates: float = 0.05
    key_reuses: float = 0.01
    reads: float = 0.15
    refunds: float = 0.10
    declines: float = 0.03
    authorises: float = 0.04


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client sends."""

    f: Function
    key: str
    request: str
    merchant: str
    payment_id: str | None
    amount: int
    currency: str
    capture: bool = True
    decline: bool = False


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What it is answered."""

    type: EventType
    http_status: int
    payment_id: str | None
    amount: int
    status: str | None
    replayed: bool = False


@dataclass(kw_only=True)
class Payment:
    """A record, and the stored answers of its operations by key."""

    request: Request
    operations: list[OperationRow]
    state: str
    refunded: int = 0
    replies: dict[str, Reply] = field(default_factory=dict)


def clean_run(
    *,
    seed: int = 0,
    operations: int = 300,
    rate: float = 100,
    mix: Mix | None = None,
    fault: bool = True,
) -> FakeRun:
    """A run without a violation.

    Args:
        seed: of everything random.
        operations: how many clients arrive; those that retry later come on top.
        rate: arrivals per simulated second.
        mix: of what they do.
        fault: whether `east` is lost at two fifths of the run.
    """
    sim = _Simulation(seed=seed, mix=mix or Mix())
    length = int(operations / rate * SECOND)
    if fault:
        sim.fault_ns = START_NS + length * 2 // 5
        sim.back_ns = sim.fault_ns + OUTAGE_NS
    for number in range(operations):
        sim.at(START_NS + length * number // operations, sim.arrive)
    sim.drain()
    run = FakeRun(
        facts=RunFacts(
            scenario="region-loss" if fault else "calm",
            design="record-first",
            seed=seed,
            ledger_sites=("east", "west"),
            standby_back=True,
            fault_ns=sim.fault_ns if fault else None,
            offered_per_s=rate,
        ),
        history=sim.history,
        provider=sim.provider,
        payments=[_record(payment_id, p) for payment_id, p in sim.payments.items()],
    )
    run.ledger.extend(sim.postings())
    if fault:
        run.moves.append(sim.reconciliation())
        run.events.extend(_events(sim.fault_ns))
    return run


class _Simulation:
    """Every request takes effect at one instant between its invocation and its end."""

    def __init__(self, *, seed: int, mix: Mix) -> None:
        self.random = random.Random(seed)
        self.mix = mix
        self.fault_ns = self.back_ns = 2 * START_NS
        self.history: list[HistoryEvent] = []
        self.provider: list[ProviderRow] = []
        self.payments: dict[str, Payment] = {}
        self._queue: list[tuple[int, int, Callable[[int], object]]] = []
        self._scheduled = 0
        self._processes = 0
        self._by_key: dict[tuple[str, str], str] = {}
        self._acknowledged: list[tuple[str, Request]] = []
        self._entries: list[tuple[int, str, str, str, int, str]] = []

    def at(self, time_ns: int, act: Callable[[int], object]) -> None:
        self._scheduled += 1
        heapq.heappush(self._queue, (time_ns, self._scheduled, act))

    def drain(self) -> None:
        while self._queue:
            time_ns, _, act = heapq.heappop(self._queue)
            act(time_ns)

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def arrive(self, time_ns: int) -> None:
        self._send(self._again() or self._new(), time_ns)

    def _new(self) -> Request:
        digest = f"{self.random.getrandbits(64):016x}"
        return Request(
            f=Function.PAY,
            key=f"key-{digest}",
            request=digest,
            merchant=f"merchant-{self.random.randrange(5)}",
            payment_id=None,
            amount=self.random.randrange(100, 50_000),
            currency=self.random.choice(CURRENCIES),
            capture=self.random.random() >= self.mix.authorises,
            decline=self.random.random() < self.mix.declines,
        )

    def _again(self) -> Request | None:
        """A request about an earlier payment, or None for a new one."""
        mix, chance = self.mix, self.random.random()
        if not self._acknowledged:
            return None
        back = min(int(self.random.expovariate(0.05)), len(self._acknowledged) - 1)
        payment_id, first = self._acknowledged[-1 - back]
        shares = (mix.duplicates, mix.key_reuses, mix.reads, mix.refunds)
        kind = next((i for i in range(4) if chance < sum(shares[: i + 1])), 4)
        if kind == 0:
            return first
        if kind == 1:
            return replace(first, request=f"other-{first.request}", amount=first.amount + 1)
        if kind == 2:
            return replace(first, f=Function.READ, key=payment_id, payment_id=payment_id)
        if kind == 3 and first.capture:
            amount = self.random.choice([first.amount, max(1, first.amount // 2)])
            key = f"refund-{self._scheduled}"
            return replace(
                first, f=Function.REFUND, key=key, request=key, payment_id=payment_id, amount=amount
            )
        return None

    def _send(self, request: Request, time_ns: int) -> None:
        self._processes += 1
        process = self._processes
        self._write(process, request, time_ns, None)
        effect = time_ns + int(self.random.uniform(2, 20) * MS)
        end = effect + int(self.random.uniform(2, 20) * MS)
        if effect >= self.fault_ns and time_ns < self.back_ns:
            if self.random.random() < 0.5:
                self._never_answered(process, request, time_ns)
                return
            effect = self.back_ns + int(self.random.uniform(2, 400) * MS)
            end = effect + int(self.random.uniform(2, 20) * MS)
        if effect < self.fault_ns <= end:
            self.at(effect, lambda now: self._take_effect(request, now))
            self._never_answered(process, request, time_ns)
            return
        replies: list[Reply] = []
        self.at(effect, lambda now: replies.append(self._take_effect(request, now)))
        self.at(end, lambda now: self._write(process, request, now, replies[0]))

    def _never_answered(self, process: int, request: Request, time_ns: int) -> None:
        unknown = Reply(
            type=EventType.INFO,
            http_status=0,
            payment_id=request.payment_id,
            amount=request.amount,
            status=None,
        )
        self.at(time_ns + 2 * SECOND, lambda now: self._write(process, request, now, unknown))
        later = max(self.back_ns, time_ns + 2 * SECOND) + self.random.randrange(SECOND)
        self.at(later, lambda now: self._send(request, now))

    def _write(self, process: int, request: Request, now: int, reply: Reply | None) -> None:
        self.history.append(
            HistoryEvent(
                index=len(self.history),
                process=process,
                type=EventType.INVOKE if reply is None else reply.type,
                f=request.f,
                key=request.key,
                request=request.request,
                payment_id=request.payment_id if reply is None else reply.payment_id,
                amount=request.amount if reply is None else reply.amount,
                currency=request.currency,
                status=None if reply is None else reply.status,
                http_status=0 if reply is None else reply.http_status,
                replayed=reply is not None and reply.replayed,
                site=None if reply is None else ("east" if now < self.fault_ns else "west"),
                time_ns=now,
                merchant=request.merchant,
            )
        )
        if reply is not None and request.f is Function.PAY and reply.type is EventType.OK:
            self._acknowledged.append((reply.payment_id or "", request))

    def _take_effect(self, request: Request, now: int) -> Reply:
        if request.f is Function.PAY:
            return self._pay(request, now)
        payment = self.payments[request.payment_id or ""]
        if request.f is Function.READ:
            return Reply(
                type=EventType.OK,
                http_status=200,
                payment_id=request.payment_id,
                amount=payment.request.amount,
                status=payment.state,
            )
        return self._refund(payment, request, now)

    def _pay(self, request: Request, now: int) -> Reply:
        payment_id = self._by_key.get((request.merchant, request.key))
        if payment_id is not None:
            payment = self.payments[payment_id]
            if payment.request.request != request.request:
                return Reply(
                    type=EventType.FAIL,
                    http_status=422,
                    payment_id=None,
                    amount=request.amount,
                    status=None,
                )
            return replace(payment.replies[request.key], replayed=True)
        payment_id = self._by_key[request.merchant, request.key] = self._uuid()
        state = "captured" if request.capture else "authorised"
        payment = Payment(
            request=request, operations=[], state="declined" if request.decline else state
        )
        self.payments[payment_id] = payment
        return self._decide(payment_id, payment, request, "charge", now)

    def _refund(self, payment: Payment, request: Request, now: int) -> Reply:
        known = payment.replies.get(request.key)
        if known is not None:
            return replace(known, replayed=True)
        declined = payment.refunded + request.amount > payment.request.amount
        if not declined:
            payment.refunded += request.amount
            if payment.refunded == payment.request.amount:
                payment.state = "refunded"
        payment_id = request.payment_id or ""
        return self._decide(payment_id, payment, replace(request, decline=declined), "refund", now)

    def _decide(
        self, payment_id: str, payment: Payment, request: Request, kind: str, now: int
    ) -> Reply:
        operation_id = self._uuid()
        reference = None if request.decline else f"{kind[:2]}_{operation_id[:8]}"
        payment.operations.append(
            OperationRow(
                operation_id=operation_id,
                kind=kind,
                idempotency_key=request.key,
                amount=request.amount,
                capture=request.capture,
                state="declined" if request.decline else "succeeded",
                provider_reference=reference,
                fee=fee_of(request.amount)
                if kind == "charge" and not request.decline and request.capture
                else 0,
            )
        )
        if reference is not None:
            self.provider.append(
                ProviderRow(
                    reference=reference,
                    operation_id=operation_id,
                    payment_id=payment_id,
                    kind=kind,
                    amount=request.amount,
                    currency=request.currency,
                    status="succeeded" if request.capture else "requires_capture",
                    time_ns=now,
                    merchant=request.merchant,
                    idempotency_key=request.key,
                )
            )
            if request.capture:
                amount = request.amount if kind == "charge" else -request.amount
                entry = (now, operation_id, payment_id, kind, amount, request.currency)
                self._entries.append(entry)
        reply = Reply(
            type=EventType.FAIL if request.decline else EventType.OK,
            http_status=402 if request.decline else 201,
            payment_id=payment_id,
            amount=request.amount,
            status="declined" if request.decline else payment.state,
        )
        payment.replies[request.key] = reply
        return reply

    def postings(self) -> Iterator[PostingRow]:
        """Both surviving ledgers, alike, and what the old writer had that was lost."""
        for now, entry_id, payment_id, kind, amount, currency in self._entries:
            moved = now >= self.fault_ns - LAG_NS
            late = self.fault_ns + 3_400 * MS if moved and now < self.fault_ns else now
            versions = [("east", late, 2 if moved else 1), ("west", late, 2 if moved else 1)]
            if moved and now < self.fault_ns:
                versions.append(("east-old-1", now, 1))
            for site, posted_at, epoch in versions:
                for account, minor_units in legs_of(amount):
                    yield PostingRow(
                        site=site,
                        entry_id=entry_id,
                        payment_id=payment_id,
                        kind=kind,
                        account=account,
                        amount=minor_units,
                        currency=currency,
                        epoch=epoch,
                        posted_at_ns=posted_at,
                    )

    def reconciliation(self) -> Reconciliation:
        """The failover's: it saw what was posted in the last three lags, and re-posted one lag."""
        before = [e for e in self._entries if e[0] < self.fault_ns]
        return Reconciliation(
            move_id="move-1",
            kind="failover",
            epoch=2,
            site="west",
            winner=True,
            seen=tuple(dict.fromkeys(e[2] for e in before if e[0] >= self.fault_ns - 3 * LAG_NS)),
            posted=tuple(e[1] for e in before if e[0] >= self.fault_ns - LAG_NS),
            old_writer=tuple(e[1] for e in before),
            standby=tuple(e[1] for e in before if e[0] < self.fault_ns - LAG_NS),
        )


def fee_of(amount: int) -> int:
    """Every third payment or so costs its merchant a fortieth."""
    return amount // 40 if amount % 3 == 0 else 0


def legs_of(amount: int) -> list[tuple[str, int]]:
    """Postings of a capture, or of a refund when negative."""
    if amount < 0:
        return [("refunds", -amount), ("provider_receivable", amount)]
    fee = fee_of(amount)
    legs = [("provider_receivable", amount), ("merchant_payable", fee - amount), ("fees", -fee)]
    return [leg for leg in legs if leg[1]]


def _record(payment_id: str, payment: Payment) -> PaymentRow:
    return PaymentRow(
        payment_id=payment_id,
        merchant=payment.request.merchant,
        amount=payment.request.amount,
        currency=payment.request.currency,
        state=payment.state,
        version=1 + len(payment.operations),
        epoch=1,
        site="east",
        unconfirmed=False,
        operations=tuple(payment.operations),
    )


def _events(fault_ns: int) -> Iterator[Event]:
    """What the processes of the run would have noted, in ms after the fault."""
    move = {"move_id": "move-1"}
    for after_ms, name, site, detail in (
        (0, "fault", "east", {"action": "sever"}),
        (900, "probe-failed", "east", {"failures": 1}),
        (1_900, "probe-failed", "east", {"failures": 2}),
        (2_900, "site-unhealthy", "east", {"failures": 3}),
        (2_910, "dns-answer", "west", {}),
        (2_980, "move-opened", "west", move | {"kind": "failover", "epoch": 2}),
        (2_985, "step-started", "west", move | {"step": "route"}),
        (3_020, "step-finished", "west", move | {"step": "route"}),
        (3_021, "step-started", "west", move | {"step": "promote"}),
        (3_320, "step-finished", "west", move | {"step": "promote"}),
        (3_321, "step-started", "west", move | {"step": "reconcile"}),
        (3_480, "step-finished", "west", move | {"step": "reconcile"}),
        (3_490, "ledger-open", "west", move | {"epoch": 2}),
    ):
        yield Event(time_ns=fault_ns + after_ms * MS, name=name, site=site, detail=dict(detail))
