"""An operator's desk in memory: the audit log, copies of it, a state machine, readiness."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from fakes.clock import FakeClock
from fakes.faults import Fault
from fakes.recovery_world import WEST
from payment_dr.adapters.state_machine import Execution, ExecutionStatus
from payment_dr.cli.auditing import Audited, Intent, audited
from payment_dr.core.errors import UnavailableError
from payment_dr.functions.desk import Asked, Desk
from payment_dr.recovery.audit import AuditEntry, AuditEvent, Deed
from payment_dr.recovery.execution import MachineInput
from payment_dr.recovery.ports import World
from payment_dr.recovery.readiness_items import Item, Severity
from payment_dr.recovery.readiness_judges import ItemState

DEED = Deed(
    entry="a",
    command="failover",
    who="ada",
    identity=None,
    host="desk",
    site=WEST,
    event=AuditEvent.STARTED,
    move_id="m1",
    reason="drill",
    overrides=(),
    approvals=(),
    detail="",
    at=1.0,
)


class FakeAudit:
    """The log; `faults` are what the next appends suffer, `before` what happens before one."""

    def __init__(self) -> None:
        self.kept: dict[int, AuditEntry] = {}
        self.faults: list[Fault] = []
        self.before: list[Callable[[], object]] = []

    def last(self) -> tuple[int, AuditEntry | None]:
        number = max(self.kept, default=0)
        return number, self.kept.get(number)

    def append(self, entry: AuditEntry) -> bool:
        if self.before:
            self.before.pop(0)()
        fault = self.faults.pop(0) if self.faults else Fault.NONE
        if fault is Fault.REFUSED:
            raise UnavailableError("the table refused")
        if fault is Fault.LOST_REQUEST:
            raise UnavailableError("no answer", definite=False)
        if entry.number in self.kept:
            return False
        self.kept[entry.number] = entry
        if fault is Fault.LOST_ANSWER:
            raise UnavailableError("no answer", definite=False)
        return True

    def entries(self) -> Mapping[int, AuditEntry]:
        return dict(self.kept)

    def told(self) -> list[tuple[str, str]]:
        """Command and event of each entry."""
        entries = (entry for _, entry in sorted(self.kept.items()))
        return [(entry.deed.command, entry.deed.event.value) for entry in entries]


class FakeCopies:
    def __init__(self) -> None:
        self.kept: dict[int, str] = {}
        self.answers = True

    def copy_of_audit(self, number: int, body: str) -> bool:
        if not self.answers:
            raise UnavailableError("the bucket does not answer")
        return self.kept.setdefault(number, body) is body


class FakeMachine:
    """Runs nothing by itself: `run` is what an execution does when it is started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, MachineInput]] = []
        self.run: Callable[[MachineInput], object] = lambda asked: None
        self.answer = Execution(status=ExecutionStatus.RUNNING)

    def start(self, name: str, asked: MachineInput) -> bool:
        self.started.append((name, asked))
        self.run(asked)
        return True

    def execution(self, name: str) -> Execution:
        assert name in {started for started, _ in self.started}
        return self.answer


def item(name: str, state: ItemState = ItemState.OK, *, blocking: bool = True) -> Item:
    return Item(
        name=name,
        severity=Severity.BLOCKING if blocking else Severity.WARNING,
        state=state,
        evidence=f"evidence of {name}",
        remedy=f"mend {name}",
    )


@dataclass
class Office:
    """Everything that a desk has, to be looked at and changed; `asked` are readiness' questions."""

    audit: FakeAudit = field(default_factory=FakeAudit)
    copies: FakeCopies = field(default_factory=FakeCopies)
    machine: FakeMachine = field(default_factory=FakeMachine)
    items: tuple[Item, ...] = (item("keys"), item("plan-drift", blocking=False))
    asked: list[Asked] = field(default_factory=list)

    def desk(self) -> Desk:
        def readiness(_: World, asked: Asked) -> tuple[Item, ...]:
            self.asked.append(asked)
            return self.items

        return Desk(
            audit=self.audit,
            copies=self.copies,
            machine=self.machine,
            readiness=readiness,
            identity=lambda: "arn:aws:sts::0:assumed-role/operator/ada",
        )

    def audited_at(
        self, _environment: object, command: str, about: str
    ) -> AbstractContextManager[Audited]:
        """`cli.auditing.audited_at`, with this desk's log."""
        intent = Intent(command=command, site=WEST, move_id="", reason=about)
        return audited(self.desk(), FakeClock(), intent)
