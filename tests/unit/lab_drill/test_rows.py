from dataclasses import replace

import pytest

from payment_dr.checks.evidence import PostingRow
from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.lab.drill.rows import payment_row, reconciliations, run_log_events
from payment_dr.payments.record import Operation, OperationKind, OperationState, Record
from payment_dr.recovery.control import Move, MoveKind, StepName
from payment_dr.recovery.documents import MoveEvidence, ReconciliationEvidence
from payment_dr.recovery.ports import Reconciled, Transition, TransitionEvent

MOVE = Move(
    move_id="failover-1",
    kind=MoveKind.FAILOVER,
    source=SiteName("east"),
    target=SiteName("west"),
    step="evidence",
    started_by="watcher/west",
    started_at=10.0,
    reason="site lost",
    overrides=(),
    approvals=(),
    attempts=1,
)
STAMP = Stamp(epoch=Epoch(2), site=SiteName("west"))
EVIDENCE = MoveEvidence(move=MOVE, stamp=STAMP, run_log=())


def posting(entry_id: str, epoch: int) -> PostingRow:
    return PostingRow(
        site="west",
        entry_id=entry_id,
        payment_id="p",
        kind="charge",
        account="merchant_payable",
        amount=-1,
        currency="EUR",
        epoch=epoch,
        posted_at_ns=0,
    )


def reconciliation(
    move_id: str, seen: tuple[str, ...], posted: tuple[str, ...]
) -> ReconciliationEvidence:
    return ReconciliationEvidence(
        move_id=move_id,
        kind="failover",
        by="me",
        at=0,
        stamp=STAMP,
        found=Reconciled(seen=seen, posted=posted, money={}),
    )


def test_a_record_becomes_the_row_that_the_checker_reads() -> None:
    operation = Operation(
        operation_id="o",
        kind=OperationKind.CHARGE,
        idempotency_key="k",
        fingerprint="f",
        amount_minor=5,
        capture=True,
        state=OperationState.SUCCEEDED,
        provider_reference="pi_1",
        payment_method="pm_card_visa",
        decline_code=None,
        response=None,
        started_at=0,
        decided_at=1,
    )
    record = Record(
        payment_id="p",
        merchant="m",
        money=Money(minor_units=5, currency="EUR"),
        operations=(operation,),
        version=2,
        lease=None,
        unconfirmed=3,
        epoch=Epoch(1),
        site=SiteName("east"),
        created_at=0,
        updated_at=1,
    )
    row = payment_row(record)
    assert (row.state, row.unconfirmed, row.amount) == ("captured", True, 5)
    assert row.operations[0].provider_reference == "pi_1"


def test_what_was_posted_under_the_moves_own_epoch_was_in_neither_ledger_before() -> None:
    (row,) = reconciliations(
        [EVIDENCE],
        [reconciliation("failover-1", ("b", "a"), ("e2",)), reconciliation("other", ("x",), ())],
        old_writer=lambda _: (posting("e1", 1), posting("e2", 1), posting("e9", 2)),
        standby=lambda _: (posting("e1", 1), posting("e2", 2)),
    )
    assert (row.seen, row.posted) == (("a", "b"), ("e2",))
    assert (row.old_writer, row.standby) == (("e1", "e2"), ("e1",))


def test_a_superseded_move_has_a_row_that_did_not_win() -> None:
    left = replace(EVIDENCE, move=replace(MOVE, move_id="failover-0", started_at=-1.0))
    rows = reconciliations(
        [EVIDENCE],
        [reconciliation("failover-0", ("a",), ())],
        old_writer=lambda _: (),
        standby=lambda _: (),
        superseded=[left],
    )
    assert [(row.move_id, row.winner, row.seen) for row in rows] == [
        ("failover-0", False, ("a",)),
        ("failover-1", True, ()),
    ]


def test_a_ledger_that_could_not_be_read_is_unknown_not_empty() -> None:
    (row,) = reconciliations([EVIDENCE], [], old_writer=lambda _: None, standby=lambda _: ())
    assert (row.old_writer, row.standby) == (None, ())


@pytest.mark.parametrize(
    ("step", "event", "names"),
    [
        (StepName.OPEN_MOVE, TransitionEvent.DONE, ["move-opened", "step-finished"]),
        (StepName.OPEN_LEDGER, TransitionEvent.FOUND_DONE, ["ledger-open", "step-finished"]),
        (StepName.PROMOTE, TransitionEvent.BEGAN, ["step-started"]),
        (StepName.PROMOTE, TransitionEvent.FAILED, ["step-failed"]),
    ],
)
def test_the_run_log_becomes_events_with_the_two_landmarks_of_a_recovery(
    step: StepName, event: TransitionEvent, names: list[str]
) -> None:
    line = Transition(move_id="failover-1", step=step, event=event, detail="d", by="me", at=1.5)
    events = list(run_log_events(MOVE, [line]))
    assert [e.name for e in events] == names
    assert {e.time_ns for e in events} == {1_500_000_000}
    assert events[0].detail["kind"] == "failover"
