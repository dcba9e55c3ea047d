"""The payments table as a drill reads it: through whichever region still answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.control_table import DynamoControlTable
from payment_dr.adapters.dynamodb import DynamoPaymentsTable
from payment_dr.core.errors import UnavailableError
from payment_dr.lab.supervisor import Lab
from payment_dr.payments.ports import Page
from payment_dr.payments.record import UNCONFIRMED_SHARDS, Record
from payment_dr.recovery.control import ControlRecord
from payment_dr.recovery.ports import Transition

_PAGE: Final = 1_000
_PAGES_MAX: Final = 10_000

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Vantage:
    """One region's way to the table."""

    control: DynamoControlTable
    payments: DynamoPaymentsTable


class TableTruth:
    """Reads that go to the region that answered last, and to the others when it does not."""

    def __init__(self, vantages: Sequence[Vantage]) -> None:
        self._vantages = list(vantages)

    @classmethod
    def of(cls, lab: Lab) -> "TableTruth":
        """Through every region of a running lab."""
        table = lab.settings.resource("table")
        clock = SystemClock()
        vantages: list[Vantage] = []
        for site in lab.settings.sites:
            client = lab.aws_client("dynamodb", site.name)
            payments = DynamoPaymentsTable(client, table, clock=clock, deadline_s=1)
            vantages.append(Vantage(control=DynamoControlTable(client, table), payments=payments))
        return cls(vantages)

    def control(self) -> ControlRecord:
        """The control record."""
        return self._ask(lambda v: v.control.read())

    def run_log(self, move_id: str) -> tuple[Transition, ...]:
        """The run log of a move."""
        return self._ask(lambda v: v.control.run_log(move_id))

    def unconfirmed(self) -> frozenset[str]:
        """Payment ids that the standby has not confirmed."""
        return self._ask(lambda v: frozenset(_walk(v.payments.unconfirmed)))

    def open_operations(self) -> frozenset[str]:
        """Payment ids with an operation in flight."""
        return self._ask(lambda v: frozenset(_walk(v.payments.open_operations)))

    def records(self) -> tuple[Record, ...]:
        """Every payment."""
        return self._ask(lambda v: tuple(v.payments.records()))

    def _ask(self, question: Callable[[Vantage], T]) -> T:
        for vantage in tuple(self._vantages):
            try:
                answer = question(vantage)
            except UnavailableError:
                continue
            self._vantages.remove(vantage)
            self._vantages.insert(0, vantage)
            return answer
        raise UnavailableError("no region answers for the payments table")


def _walk(index: Callable[..., Page]) -> Iterator[str]:
    for shard in range(UNCONFIRMED_SHARDS):
        cursor: str | None = None
        for _ in range(_PAGES_MAX):
            page = index(shard, cursor=cursor, limit=_PAGE)
            yield from page.payment_ids
            cursor = page.cursor
            if cursor is None:
                break
