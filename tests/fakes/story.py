"""A short history told line by line, one line a millisecond."""

from dataclasses import dataclass, field

from fakes.evidence import START_NS, FakeRun
from payment_dr.checks.evidence import EventType, Function, HistoryEvent, RunFacts

MS = 1_000_000


def facts(*, fault_ns: int | None = None) -> RunFacts:
    """Facts of a run with one ledger and no standby."""
    return RunFacts(
        scenario="story",
        design="record-first",
        seed=0,
        ledger_sites=("east",),
        standby_back=False,
        fault_ns=fault_ns,
        offered_per_s=10,
    )


@dataclass
class Story:
    """Each operation is `begin` with its number as the result, then `end`."""

    run: FakeRun = field(default_factory=lambda: FakeRun(facts=facts()))
    now_ns: int = START_NS
    begun: dict[int, HistoryEvent] = field(default_factory=dict)

    def begin(
        self,
        f: Function,
        *,
        key: str = "key",
        payment_id: str | None = None,
        amount: int = 100,
        request: str = "request",
    ) -> int:
        process = len(self.run.history)
        line = HistoryEvent(
            index=len(self.run.history),
            process=process,
            type=EventType.INVOKE,
            f=f,
            key=key,
            request=request,
            payment_id=payment_id,
            amount=amount,
            currency="EUR",
            status=None,
            http_status=0,
            replayed=False,
            site=None,
            time_ns=self._tick(),
        )
        self.begun[process] = line
        self.run.history.append(line)
        return process

    def end(
        self,
        process: int,
        end: EventType,
        *,
        status: str | None = None,
        http_status: int = 0,
        payment_id: str | None = None,
    ) -> None:
        begun = self.begun[process]
        self.run.history.append(
            HistoryEvent(
                index=len(self.run.history),
                process=process,
                type=end,
                f=begun.f,
                key=begun.key,
                request=begun.request,
                payment_id=payment_id or begun.payment_id,
                amount=begun.amount,
                currency="EUR",
                status=status,
                http_status=http_status,
                replayed=False,
                site="east",
                time_ns=self._tick(),
            )
        )

    def pay(self, payment_id: str = "p", *, status: str = "captured", amount: int = 100) -> None:
        """A payment that is acknowledged, or declined."""
        process = self.begin(Function.PAY, key=f"key-{payment_id}", amount=amount)
        ok = status != "declined"
        self.end(
            process,
            EventType.OK if ok else EventType.FAIL,
            status=status,
            http_status=201 if ok else 402,
            payment_id=payment_id,
        )

    def refund(self, amount: int, *, key: str = "refund", payment_id: str = "p") -> int:
        """A refund that is sent."""
        return self.begin(Function.REFUND, key=key, payment_id=payment_id, amount=amount)

    def refunded(self, process: int) -> None:
        """A refund that is acknowledged."""
        self.end(process, EventType.OK, status="refunded", http_status=201)

    def read(self, status: str | None, *, payment_id: str = "p", amount: int = 100) -> None:
        """A read from its beginning to its end; None is "no such payment"."""
        self.shown(self.begin(Function.READ, key=payment_id, amount=amount), status)

    def shown(self, process: int, status: str | None) -> None:
        """The end of a read."""
        found = status is not None
        self.end(
            process,
            EventType.OK if found else EventType.FAIL,
            status=status,
            http_status=200 if found else 404,
        )

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * 1e9)

    def _tick(self) -> int:
        self.now_ns += MS
        return self.now_ns
