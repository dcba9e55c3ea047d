"""Each difference between provider, payments table and ledger is found, and mended if it can be."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from fakes.control import EAST, WEST
from fakes.faults import Fault
from fakes.ledger import booked_of
from fakes.scene import AUTHORISE, PAY, Scene, on, refund
from payment_dr.core.stamp import Epoch
from payment_dr.payments.completing import LOOK_UP_LAGS_S
from payment_dr.payments.jobs.poster import Poster
from payment_dr.payments.ports import (
    ControlView,
    Declined,
    ProviderCall,
    ProviderOutcome,
    Succeeded,
)
from payment_dr.payments.reconciler import Reconciler
from payment_dr.payments.reconciliation_report import (
    BookedPayment,
    Cause,
    Reconciliation,
    TotalDifference,
)
from payment_dr.payments.record import OperationKind


class FakeAudit:
    """Satisfies `LedgerAudit` over a scene's ledger; what is `planted` replaces what is there."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.planted: dict[str, BookedPayment] = {}
        self.total_differences: list[TotalDifference] = []

    def truth(self, payment_id: str) -> BookedPayment | None:
        found = [e for e in self._scene.ledger.entries.values() if e.payment_id == payment_id]
        return booked_of(found) if found else None

    def booked(self, payment_ids: Sequence[str]) -> Mapping[str, BookedPayment]:
        found = {key: self.planted.get(key) or self.truth(key) for key in payment_ids}
        return {key: one for key, one in found.items() if one is not None}

    def totals(self) -> Sequence[TotalDifference]:
        return self.total_differences


class LyingProvider:
    """Looks up what it is told to say."""

    def __init__(self, says: ProviderOutcome | None) -> None:
        self.says = says

    def perform(self, call: ProviderCall) -> ProviderOutcome:
        raise AssertionError(call)

    def look_up(self, call: ProviderCall) -> ProviderOutcome | None:
        assert call.operation is not None
        return self.says


@pytest.fixture(name="audit")
def audit_fixture(scene: Scene) -> FakeAudit:
    return FakeAudit(scene)


def reconciler(scene: Scene, audit: FakeAudit) -> Reconciler:
    return Reconciler(
        table=scene.table,
        audit=audit,
        ledger=scene.ledger,
        provider=scene.provider,
        service=scene.service,
        control=scene.control,
        site=EAST,
        clock=scene.clock,
    )


def run(scene: Scene, audit: FakeAudit, *ids: str, repair: bool = True) -> Reconciliation:
    chunks = [ids or tuple(scene.table.records)]
    return reconciler(scene, audit).run(chunks, repair=repair)


def booked(scene: Scene) -> None:
    """Let the poster book what a rule refused: nobody hurries with it."""
    poster = Poster(table=scene.table, ledger=scene.ledger, control=scene.control, site=EAST)
    assert not poster.run().fenced


def causes(done: Reconciliation) -> list[tuple[Cause, bool]]:
    return [(one.cause, one.repaired) for one in done.differences]


def test_where_all_agree_there_is_nothing(scene: Scene, audit: FakeAudit) -> None:
    paid = scene.paid()
    scene.service.operate(refund(paid, 300))
    scene.service.operate(refund(paid, 9_999, key="too-much"))
    scene.service.pay(replace(AUTHORISE, idempotency_key="held"))
    scene.service.pay(
        replace(PAY, idempotency_key="bad", payment_method="pm_card_visa_chargeDeclined")
    )
    booked(scene)
    assert run(scene, audit) == Reconciliation(payments=3, differences=())


def test_a_booking_that_is_missing_is_booked_once(scene: Scene, audit: FakeAudit) -> None:
    scene.paid()
    scene.ledger.entries.clear()
    done = run(scene, audit)
    assert causes(done) == [(Cause.BOOKING_MISSING, True)]
    assert not done.remaining
    assert len(scene.ledger.entries) == 1
    assert not run(scene, audit).differences


def test_nothing_is_written_unless_repair_is_wanted(scene: Scene, audit: FakeAudit) -> None:
    scene.paid()
    scene.ledger.entries.clear()
    done = run(scene, audit, repair=False)
    assert causes(done) == [(Cause.BOOKING_MISSING, False)]
    assert len(done.remaining) == 1
    assert not scene.ledger.entries


def test_where_the_site_may_not_post_a_missing_booking_remains(
    scene: Scene, audit: FakeAudit
) -> None:
    scene.paid()
    scene.ledger.entries.clear()
    scene.control.view = ControlView(steady=True, active=WEST, epoch=Epoch(1))
    assert causes(run(scene, audit)) == [(Cause.BOOKING_MISSING, False)]


def test_an_operation_that_nobody_works_on_is_finished_and_booked(
    scene: Scene, audit: FakeAudit
) -> None:
    scene.script.plan("perform", Fault.LOST_ANSWER)
    scene.service.pay(PAY)
    scene.clock.advance(scene.limits.lease_s)
    assert causes(run(scene, audit)) == [(Cause.PENDING, True)]
    assert not run(scene, audit).differences
    assert len(scene.provider.effects) == 1


def test_an_operation_under_way_is_left_alone(scene: Scene, audit: FakeAudit) -> None:
    scene.script.plan("replace", *[Fault.LOST_REQUEST] * 9)
    scene.service.pay(PAY)
    assert scene.record.pending is not None
    assert not run(scene, audit).differences


def test_the_booking_of_what_was_just_finished_is_not_forgotten(
    scene: Scene, audit: FakeAudit
) -> None:
    scene.script.plan("perform", Fault.LOST_ANSWER)
    scene.service.pay(PAY)
    scene.clock.advance(scene.limits.lease_s)
    scene.script.plan("post", Fault.REFUSED)
    run(scene, audit)
    assert causes(run(scene, audit)) == [(Cause.BOOKING_MISSING, True)]


def planted(scene: Scene, audit: FakeAudit, **changes: object) -> str:
    """A captured payment of which the ledger shows something else."""
    paid = scene.paid()
    truth = audit.truth(paid.payment_id)
    assert truth is not None
    audit.planted[paid.payment_id] = replace(truth, **changes)  # type: ignore[arg-type] # by name
    return paid.operations[0].operation_id


def test_an_event_without_its_postings_is_found_and_left(scene: Scene, audit: FakeAudit) -> None:
    operation = planted(scene, audit, entries={})
    done = run(scene, audit)
    assert causes(done) == [(Cause.POSTING_MISSING, False)]
    assert done.differences[0].operation_id == operation


def test_a_journal_entry_without_its_event_is_found_and_left(
    scene: Scene, audit: FakeAudit
) -> None:
    planted(scene, audit, events=frozenset())
    assert causes(run(scene, audit)) == [(Cause.EVENT_MISSING, False)]


def test_postings_of_another_amount_are_found(scene: Scene, audit: FakeAudit) -> None:
    operation = planted(scene, audit)
    wrong = {operation: frozenset({("provider_receivable", 999), ("merchant_payable", -999)})}
    audit.planted[scene.record.payment_id] = replace(
        audit.planted[scene.record.payment_id], entries=wrong
    )
    assert causes(run(scene, audit)) == [(Cause.POSTING_DIFFERS, False)]


def test_a_projection_that_is_behind_or_absent_is_found(scene: Scene, audit: FakeAudit) -> None:
    planted(scene, audit, projected=None)
    assert causes(run(scene, audit)) == [(Cause.PROJECTION_BEHIND, False)]


def test_a_missing_booking_and_what_cannot_be_mended_are_told_apart(
    scene: Scene, audit: FakeAudit
) -> None:
    planted(scene, audit, entries={})
    other = scene.paid(replace(PAY, idempotency_key="other"))
    del scene.ledger.entries[other.operations[0].operation_id]
    assert causes(run(scene, audit)) == [
        (Cause.POSTING_MISSING, False),
        (Cause.BOOKING_MISSING, True),
    ]


def test_a_total_that_differs_is_found(scene: Scene, audit: FakeAudit) -> None:
    audit.total_differences.append(
        TotalDifference(merchant="acme", currency="EUR", account="fees", maintained=-7, posted=-5)
    )
    (one,) = run(scene, audit).remaining
    assert (one.cause, one.subject) == (Cause.TOTAL_DIFFERS, "acme EUR fees")
    assert one.detail == "maintained -7, posted -5"


def test_a_payment_that_only_the_ledger_has_is_found(scene: Scene, audit: FakeAudit) -> None:
    paid = scene.paid()
    del scene.table.records[paid.payment_id]
    assert causes(run(scene, audit, paid.payment_id)) == [(Cause.RECORD_MISSING, False)]


@pytest.mark.parametrize(
    ("says", "detail"),
    [
        (Declined(code="lost_card", reference=None), "it is declined there: lost_card"),
        (Succeeded(reference="ch_other"), "it is ch_other there"),
    ],
)
def test_a_provider_that_says_something_else_of_a_success_is_found(
    scene: Scene, audit: FakeAudit, says: ProviderOutcome, detail: str
) -> None:
    scene.paid()
    done = replace(reconciler(scene, audit), provider=LyingProvider(says)).run(
        [tuple(scene.table.records)], repair=True
    )
    assert [(one.cause, one.detail) for one in done.remaining] == [
        (Cause.PROVIDER_DISAGREES, detail)
    ]


def test_that_the_provider_finds_nothing_counts_only_once_its_search_must_know(
    scene: Scene, audit: FakeAudit
) -> None:
    scene.paid()
    asking = replace(reconciler(scene, audit), provider=LyingProvider(None))
    chunks = [tuple(scene.table.records)]
    assert not asking.run(chunks, repair=True).differences
    scene.clock.advance(LOOK_UP_LAGS_S)
    (one,) = asking.run(chunks, repair=True).remaining
    assert one.detail == "it is not found there"


def test_a_charge_declined_here_that_succeeded_there_is_found(
    scene: Scene, audit: FakeAudit
) -> None:
    scene.provider.decline_next("card_declined")
    scene.service.pay(PAY)
    asking = replace(reconciler(scene, audit), provider=LyingProvider(Succeeded(reference="ch_1")))
    (one,) = asking.run([tuple(scene.table.records)], repair=True).remaining
    assert (one.cause, one.detail) == (Cause.PROVIDER_DISAGREES, "it succeeded there")


def test_a_provider_that_does_not_answer_leaves_its_part_unknown(
    scene: Scene, audit: FakeAudit
) -> None:
    scene.paid()
    scene.script.plan("look_up", Fault.LOST_REQUEST)
    assert causes(run(scene, audit)) == [(Cause.PROVIDER_SILENT, False)]


def test_a_refused_capture_and_a_voided_charge_are_not_compared(
    scene: Scene, audit: FakeAudit
) -> None:
    """What was refused cannot be told from what another one did, nor a void from a failure."""
    held = scene.paid(AUTHORISE)
    scene.service.operate(on(held, OperationKind.CAPTURE, 99_999, key="too-much"))
    scene.service.operate(on(held, OperationKind.VOID, key="void"))
    booked(scene)
    void = scene.record.operations[-1]
    says = Succeeded(reference=void.provider_reference or "")
    asking = replace(reconciler(scene, audit), provider=LyingProvider(says))
    assert not asking.run([tuple(scene.table.records)], repair=True).differences


def test_a_refund_refused_on_a_declined_payment_has_nothing_to_be_found_by(
    scene: Scene, audit: FakeAudit
) -> None:
    scene.provider.decline_next("card_declined")
    scene.service.pay(PAY)
    scene.service.operate(refund(scene.record, 100))
    booked(scene)
    assert len(scene.record.operations) == 2
    assert not run(scene, audit).differences
