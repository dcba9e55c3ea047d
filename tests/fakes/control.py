"""The control record as the payments protocol sees it, in memory."""

from fakes.faults import Gate, open_gate
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.payments.ports import ControlView

EAST = SiteName("east")
WEST = SiteName("west")


class FakeControl:
    """A `ControlReader`; set `view` to move the active role."""

    def __init__(self, gate: Gate = open_gate) -> None:
        self.view = ControlView(steady=True, active=EAST, epoch=Epoch(1))
        self._gate = gate

    def __call__(self) -> ControlView:
        return self._gate("control", lambda: self.view)
