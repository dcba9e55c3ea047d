"""What a drill is told by the source of truth, as a list of answers."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.payments.record import Record
from payment_dr.recovery.control import ControlRecord, Phase
from payment_dr.recovery.ports import Transition

EAST = SiteName("east")
STEADY = ControlRecord(
    active=EAST, epoch=Epoch(1), phase=Phase.STEADY, move=None, version=1, changed_at=0
)


@dataclass
class FakeTruth:
    controls: Iterator[ControlRecord] = field(default_factory=lambda: iter([STEADY]))
    waiting: Iterator[frozenset[str]] = field(default_factory=lambda: iter([frozenset()]))

    def control(self) -> ControlRecord:
        control = next(self.controls)
        if control.version == 0:
            raise UnavailableError("the region is down")
        return control

    def unconfirmed(self) -> frozenset[str]:
        return next(self.waiting)

    def open_operations(self) -> frozenset[str]:
        return frozenset()

    def run_log(self, move_id: str) -> tuple[Transition, ...]:
        del move_id
        return ()

    def records(self) -> tuple[Record, ...]:
        return ()
