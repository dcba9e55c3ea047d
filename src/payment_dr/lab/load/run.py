"""A load from its first arrival to its last certainty, and its summary."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from payment_dr.checks.evidence import EventType
from payment_dr.lab.load.arrivals import Kind, arrivals
from payment_dr.lab.load.client import Client, Outcome, not_sent
from payment_dr.lab.load.history import History
from payment_dr.lab.load.plan import Plan
from payment_dr.lab.load.workload import Operation, Workload, read_of

_AT_ONCE: Final = 32
"""Operations at once after the arrivals have ended."""

_ROUND_PAUSE_S: Final = 0.2
_SAMPLE_TIME_MAX_S: Final = 10
_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What a load did. `ok`, `fail` and `info` count ends; every one of `offered` has one.

    `offered` are arrivals, `asked_again` the operations of settling and of the sample. `skipped`
    arrivals were about earlier payments when there was none. `unknown` operations had no definite
    outcome at the end. `slip_ms_max` is how late an arrival was sent at most, `cpu_ms` the
    process's CPU time per operation.
    """

    offered: int
    asked_again: int
    ok: int
    fail: int
    info: int
    not_sent: int
    skipped: int
    unknown: int
    slip_ms_max: float
    cpu_ms: float


class Load:
    """Runs a plan once.

    Args:
        plan: what to do.
        clients: who does it, in turn.
        history: where it is written.
    """

    def __init__(self, plan: Plan, clients: Sequence[Client], history: History) -> None:
        self._plan = plan
        self._clients = cycle(clients)
        self._history = history
        self._workload = Workload(plan)
        self._tasks: set[asyncio.Task[None]] = set()
        self._unknown: list[Operation] = []
        self._offered = 0
        self._asked_again = 0
        self._not_sent = 0
        self._skipped = 0
        self._slip_s_max = 0.0

    async def run(self, told: asyncio.Event) -> Summary:
        """Let arrivals come until `told` or the plan's duration, settle, and look again.

        Raises:
            PaymentDrError: the history cannot be written.
        """
        started_s = time.process_time()
        try:
            await self._run(told)
        except ExceptionGroup as failures:
            # The first failure ended everything; what it pulled down with it says no more.
            raise failures.exceptions[0] from failures
        return self._summary(time.process_time() - started_s)

    async def _run(self, told: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            flushing = group.create_task(self._history.flush_for_ever())
            await self._arrive(group, told)
            deadline = _loop_time() + self._plan.settle_s
            await self._finish(deadline)
            await self._settle(deadline)
            await self._look_again()
            flushing.cancel()

    async def _arrive(self, group: asyncio.TaskGroup, told: asyncio.Event) -> None:
        """Send every arrival when it is due, whatever became of those before."""
        stopped = group.create_task(told.wait())
        start_s, start_ns = _loop_time(), time.time_ns()
        for arrival in arrivals(self._plan):
            due_s = start_s + arrival.at_s
            await asyncio.wait({stopped}, timeout=max(0.0, due_s - _loop_time()))
            if stopped.done():
                return
            operation = self._workload.operation(arrival)
            if operation is None:
                self._skipped += 1
                continue
            self._offered += 1
            self._slip_s_max = max(self._slip_s_max, _loop_time() - due_s)
            # Since when the customer waits, also if we are late.
            process = self._history.begin(
                operation, time_ns=start_ns + int(arrival.at_s * _NS_PER_S)
            )
            if len(self._tasks) >= self._plan.in_flight_max:
                self._not_sent += 1
                self._end(process, operation, not_sent(operation))
                continue
            work = self._perform(process, operation, remember=arrival.kind is Kind.PAYMENT)
            task = group.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        stopped.cancel()

    async def _perform(self, process: int, operation: Operation, *, remember: bool) -> None:
        try:
            outcome = await next(self._clients).perform(operation)
        except asyncio.CancelledError:
            self._end(process, operation, not_sent(operation))
            raise
        self._end(process, operation, outcome)
        if remember and outcome.type is EventType.OK and outcome.payment_id:
            self._workload.acknowledged(operation, outcome.payment_id)

    def _end(self, process: int, operation: Operation, outcome: Outcome) -> None:
        self._history.end(process, operation, outcome)
        if outcome.type is EventType.INFO:
            self._unknown.append(operation)

    async def _finish(self, deadline_s: float) -> None:
        """Wait for what is under way, and stop it at the deadline."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=deadline_s - _loop_time())
            for task in late:
                task.cancel()

    async def _settle(self, deadline_s: float) -> None:
        """Ask again, with the same key, until every outcome is definite or time is up."""
        while self._unknown and _loop_time() < deadline_s:
            asking, self._unknown = self._unknown, []
            self._unknown += await self._together(asking, deadline_s)
            if self._unknown:
                await asyncio.sleep(_ROUND_PAUSE_S)

    async def _look_again(self) -> None:
        """Send some acknowledged payments again, which must be answered as before; read them."""
        deadline_s = _loop_time() + _SAMPLE_TIME_MAX_S
        sample = self._workload.sample(self._plan.sample_max)
        await self._together([payment for payment, _ in sample], deadline_s)
        await self._together([read_of(*acknowledged) for acknowledged in sample], deadline_s)

    async def _together(
        self, operations: Sequence[Operation], deadline_s: float
    ) -> Sequence[Operation]:
        """Perform a few at a time; returns those that the deadline left no time to begin."""
        left = iter(operations)

        async def work() -> None:
            for operation in left:
                self._asked_again += 1
                await self._perform(self._history.begin(operation), operation, remember=False)

        try:
            async with asyncio.timeout_at(deadline_s), asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(work())
        except TimeoutError:
            pass
        return [*left]

    def _summary(self, cpu_s: float) -> Summary:
        ends = self._history.ends
        return Summary(
            offered=self._offered,
            asked_again=self._asked_again,
            ok=ends[EventType.OK],
            fail=ends[EventType.FAIL],
            info=ends[EventType.INFO],
            not_sent=self._not_sent,
            skipped=self._skipped,
            unknown=len(self._unknown),
            slip_ms_max=round(self._slip_s_max * 1000, 1),
            cpu_ms=round(cpu_s * 1000 / max(1, self._offered + self._asked_again), 3),
        )


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
