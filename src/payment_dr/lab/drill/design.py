"""The designs that a drill can run: ours, and the usual one for comparison."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, Protocol

from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.lab.drill.truth import TableTruth
from payment_dr.lab.ledger_first import payments as usual_payments
from payment_dr.lab.ledger_first.truth import UsualTruth
from payment_dr.lab.supervisor import API_HANDLER, WATCH_INTERVAL_S, Lab, default_schedules
from payment_dr.payments.record import Record
from payment_dr.recovery.control import ControlRecord
from payment_dr.recovery.ports import Transition


@unique
class Design(StrEnum):
    """What an acknowledgement rests on."""

    RECORD_FIRST = "record-first"
    LEDGER_FIRST = "ledger-first"


class Truth(Protocol):
    """What a design's source of truth says, read wherever it can be read."""

    def control(self) -> ControlRecord:
        """Who is active."""
        ...

    def run_log(self, move_id: str) -> tuple[Transition, ...]:
        """The run log of a move."""
        ...

    def unconfirmed(self) -> frozenset[str]:
        """Payment ids that the standby has not confirmed."""
        ...

    def open_operations(self) -> frozenset[str]:
        """Payment ids with an operation in flight."""
        ...

    def records(self) -> tuple[Record, ...]:
        """Every payment."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """How a lab runs a design."""

    api_handler: str
    schedules: Callable[[Settings], Mapping[str, float]]
    prepare: Callable[[Lab], None]
    truth: Callable[[Lab], Truth]


def _nothing(lab: Lab) -> None:
    del lab


def _usual_schedules(settings: Settings) -> dict[str, float]:
    return {
        "payment_dr.lab.ledger_first.sweeper:handler": settings.payments.job_interval_s,
        "payment_dr.lab.ledger_first.watcher:handler": WATCH_INTERVAL_S,
    }


def _usual_schema(lab: Lab) -> None:
    with lab.connect(SiteName(lab.settings.home)) as connection:
        usual_payments.migrate(connection)


SETUPS: Final[Mapping[Design, Setup]] = {
    Design.RECORD_FIRST: Setup(
        api_handler=API_HANDLER,
        schedules=default_schedules,
        prepare=_nothing,
        truth=TableTruth.of,
    ),
    Design.LEDGER_FIRST: Setup(
        api_handler="payment_dr.lab.ledger_first.api:handler",
        schedules=_usual_schedules,
        prepare=_usual_schema,
        truth=UsualTruth.of,
    ),
}
