"""A rebuild over the real parts of a site: its own ledger, the payments table, some threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from payment_dr.adapters.cached import Cached
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.dynamodb import DynamoPaymentsTable, table_config
from payment_dr.adapters.rebuild_ledger import PostgresRebuiltLedger
from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Stamp
from payment_dr.functions.composition import aws_client, ledger_login, secret_of
from payment_dr.functions.environment import Environment
from payment_dr.payments.jobs.rebuild import Checkpoint, Rebuild, Scan, Tallies
from payment_dr.payments.jobs.reconcile import FencedError
from payment_dr.payments.reconciliation_report import Difference
from payment_dr.recovery.ports import Amount, Rebuilding, RebuildState

WORK_S: Final = 2.0
"""How long one call works, the page that it began aside."""

_THREADS: Final = 16
_LEDGER_S: Final = 30.0
_SIZE_AGE_S: Final = 600.0

_STATES: Final = {
    Scan.POSTING: RebuildState.POSTING,
    Scan.COMPARING: RebuildState.COMPARING,
    Scan.DIFFERS: RebuildState.DIFFERS,
    Scan.DONE: RebuildState.DONE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerRebuilder:
    """`recovery.ports.Rebuilder`.

    `job` is asked for at the first use: most processes never rebuild anything. `size` says about
    how many records there are.
    """

    job: Callable[[], Rebuild]
    size: Callable[[], int]
    clock: Clock

    def progress(self, stamp: Stamp) -> Rebuilding | None:
        """How far it is; None before the first step."""
        kept = self.job().ledger.checkpoint(stamp)
        return None if kept is None else self._told(kept.checkpoint)

    def advance(self, stamp: Stamp) -> Rebuilding:
        """Page after page, until the scan under way ends or `WORK_S` have passed.

        Raises:
            UnavailableError: something did not answer, or the ledger carries another stamp; what
                was posted stays posted, and running it again goes on.
        """
        end = self.clock.monotonic() + WORK_S
        job = self.job()
        try:
            first = reached = job.advance(stamp)
            while reached.scan is first.scan and self.clock.monotonic() < end:
                reached = job.advance(stamp)
        except FencedError as error:
            raise UnavailableError(error.what, remedy=error.remedy) from error
        return self._told(reached)

    def _told(self, checkpoint: Checkpoint) -> Rebuilding:
        return Rebuilding(
            state=_STATES[checkpoint.scan],
            records=checkpoint.records,
            expected=self.size(),
            worked_s=checkpoint.worked_s,
            payments=checkpoint.payments,
            posted=_amounts(checkpoint.posted),
            implied=_amounts(checkpoint.implied),
            held=_amounts(checkpoint.held),
            young=checkpoint.young,
            differing=checkpoint.differing,
            differences=tuple(_difference(one) for one in checkpoint.differences),
        )


class OwnRebuild:
    """The job of an environment's site; its connections and threads are made at the first use."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._clock = SystemClock()
        self._made: tuple[PostgresRebuiltLedger, ThreadPoolExecutor] | None = None

    def rebuilder(self) -> LedgerRebuilder:
        """The port of a move."""

        def size() -> int:
            return self._size()

        return LedgerRebuilder(job=lambda: self._job, size=size, clock=self._clock)

    def close(self) -> None:
        """End what was made."""
        if self._made is not None:
            ledger, threads = self._made
            threads.shutdown()
            ledger.close()

    @cached_property
    def _table(self) -> DynamoPaymentsTable:
        limits = self._environment.settings.payments
        return DynamoPaymentsTable(
            aws_client(self._environment, "dynamodb", table_config(limits, connections=_THREADS)),
            self._environment.settings.resource("table"),
            clock=self._clock,
            deadline_s=limits.table_timeout_s,
        )

    @cached_property
    def _size(self) -> Cached[int]:
        return Cached(self._table.items_counted, clock=self._clock, age_s=_SIZE_AGE_S)

    @cached_property
    def _job(self) -> Rebuild:
        secret = secret_of(self._environment, "ledger", self._clock)
        ledger = PostgresRebuiltLedger(
            lambda: ledger_login(self._environment, secret()),
            timeout_s=_LEDGER_S,
            connections=1,
            doubt=secret.doubt,
        )
        threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="rebuild")
        self._made = ledger, threads
        return Rebuild(
            table=self._table,
            scan=self._table,
            ledger=ledger,
            clock=self._clock,
            spread=threads.map,
        )


def _amounts(tallies: Tallies) -> dict[str, Amount]:
    return {
        currency: Amount(bookings=one.bookings, money=one.money)
        for currency, one in tallies.items()
    }


def _difference(one: Difference) -> str:
    return " ".join(
        part for part in (one.subject, one.operation_id, one.cause.value, one.detail) if part
    )
