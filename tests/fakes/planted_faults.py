"""Faults planted in the evidence of a correct run, each with the claim that must then fail.

A fault takes the run and a source of randomness, and changes one thing that a bug could have done.
"""

import random
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from fakes.evidence import FakeRun
from payment_dr.checks.evidence import (
    EventType,
    Function,
    HistoryEvent,
    OperationRow,
    PaymentRow,
    PostingRow,
    ProviderRow,
)

Plant = Callable[[FakeRun, random.Random], None]
Row = TypeVar("Row", bound=Struct)

PLANTED: list[tuple[str, Plant]] = []


def breaks(claim: str) -> Callable[[Plant], Plant]:
    """Say which claim a fault breaks."""

    def add(plant: Plant) -> Plant:
        PLANTED.append((claim, plant))
        return plant

    return add


def pick(rows: list[Row], rng: random.Random, wanted: Callable[[Row], bool]) -> tuple[int, Row]:
    """A random one of the rows that are wanted, with its place."""
    places = [i for i, row in enumerate(rows) if wanted(row)]
    place = rng.choice(places)
    return place, rows[place]


def acknowledged(run: FakeRun, rng: random.Random) -> tuple[int, PaymentRow]:
    """The record of a payment that a client holds an acknowledgement of."""
    known = {e.payment_id for e in run.history if (e.f, e.type) == (Function.PAY, EventType.OK)}
    return pick(run.payments, rng, lambda row: row.payment_id in known)


def captured(row: PaymentRow) -> bool:
    """Whether a record has a charge that moved money."""
    first = row.operations[0]
    return first.capture and first.state == "succeeded"


def with_charge(row: PaymentRow, **changes: object) -> PaymentRow:
    """The record with its charge changed."""
    first = replace(row.operations[0], **changes)
    return replace(row, operations=(first, *row.operations[1:]))


def refund_of(row: PaymentRow, state: str) -> OperationRow | None:
    """A refund of a record in that state, if it has one."""
    return next((o for o in row.operations if (o.kind, o.state) == ("refund", state)), None)


def answer(
    run: FakeRun, rng: random.Random, f: Function, end: EventType
) -> tuple[int, HistoryEvent]:
    """A random end of that kind."""
    return pick(run.history, rng, lambda row: (row.f, row.type) == (f, end))


def append_operation(run: FakeRun, invoke: HistoryEvent, end: HistoryEvent) -> None:
    """Add an operation at the end of the history."""
    process = max(row.process for row in run.history) + 1
    for row in (invoke, end):
        run.history.append(replace(row, index=len(run.history), process=process))


def first_acknowledgement(run: FakeRun, rng: random.Random) -> int:
    """Place of a random payment's first acknowledgement; what later ones say is another claim's."""
    first: dict[str | None, int] = {}
    for place, row in enumerate(run.history):
        if (row.f, row.type) == (Function.PAY, EventType.OK):
            first.setdefault(row.payment_id, place)
    return rng.choice(list(first.values()))


def invoke_of(run: FakeRun, end: HistoryEvent) -> HistoryEvent:
    """The invocation of an end."""
    return next(
        row for row in run.history if row.process == end.process and row.type is EventType.INVOKE
    )


@breaks("acknowledged-payments-survive")
def an_acknowledged_payment_has_no_record(run: FakeRun, rng: random.Random) -> None:
    place, _ = acknowledged(run, rng)
    del run.payments[place]


@breaks("acknowledged-payments-survive")
def an_acknowledged_payment_is_recorded_as_declined(run: FakeRun, rng: random.Random) -> None:
    place, row = acknowledged(run, rng)
    run.payments[place] = replace(with_charge(row, state="declined"), state="declined")


@breaks("acknowledged-payments-survive")
def an_acknowledged_payment_is_recorded_with_less(run: FakeRun, rng: random.Random) -> None:
    place, row = acknowledged(run, rng)
    run.payments[place] = replace(row, amount=row.amount - 1)


@breaks("acknowledged-payments-survive")
def an_acknowledged_payment_is_recorded_under_another_key(run: FakeRun, rng: random.Random) -> None:
    place, row = acknowledged(run, rng)
    run.payments[place] = with_charge(row, idempotency_key="another")


@breaks("acknowledged-payments-survive")
def an_acknowledged_payment_belongs_to_another_merchant(run: FakeRun, rng: random.Random) -> None:
    place, row = acknowledged(run, rng)
    run.payments[place] = replace(row, merchant="another")


@breaks("acknowledged-payments-survive")
def a_captured_payment_is_recorded_as_only_authorised(run: FakeRun, rng: random.Random) -> None:
    place, row = acknowledged(run, rng)
    run.payments[place] = with_charge(row, capture=not row.operations[0].capture)


@breaks("acknowledged-payments-survive")
def a_payment_is_acknowledged_before_it_was_decided(run: FakeRun, rng: random.Random) -> None:
    run.change_history(first_acknowledgement(run, rng), status="accepted")


@breaks("declined-payments-stay-declined")
def a_declined_payment_has_no_record(run: FakeRun, rng: random.Random) -> None:
    _, end = pick(run.history, rng, lambda e: (e.f, e.http_status) == (Function.PAY, 402))
    run.payments[:] = [row for row in run.payments if row.payment_id != end.payment_id]


@breaks("declined-payments-stay-declined")
def a_declined_payment_is_charged_after_all(run: FakeRun, rng: random.Random) -> None:
    _, end = pick(run.history, rng, lambda e: (e.f, e.http_status) == (Function.PAY, 402))
    place, row = pick(run.payments, rng, lambda p: p.payment_id == end.payment_id)
    run.payments[place] = with_charge(row, state="succeeded")


@breaks("acknowledged-refunds-survive")
def an_acknowledged_refund_is_not_in_its_record(run: FakeRun, rng: random.Random) -> None:
    _, end = answer(run, rng, Function.REFUND, EventType.OK)
    place, row = pick(run.payments, rng, lambda p: p.payment_id == end.payment_id)
    kept = tuple(o for o in row.operations if o.idempotency_key != end.key)
    run.payments[place] = replace(row, operations=kept)


@breaks("acknowledged-refunds-survive")
def an_acknowledged_refund_is_recorded_as_declined(run: FakeRun, rng: random.Random) -> None:
    _, end = answer(run, rng, Function.REFUND, EventType.OK)
    place, row = pick(run.payments, rng, lambda p: p.payment_id == end.payment_id)
    changed = tuple(
        replace(o, state="declined") if o.idempotency_key == end.key else o for o in row.operations
    )
    run.payments[place] = replace(row, operations=changed)


@breaks("acknowledged-refunds-survive")
def a_refunded_payment_has_no_record(run: FakeRun, rng: random.Random) -> None:
    _, end = answer(run, rng, Function.REFUND, EventType.OK)
    run.payments[:] = [row for row in run.payments if row.payment_id != end.payment_id]


@breaks("refunds-within-captured")
def more_is_refunded_than_was_captured(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.payments, rng, lambda p: refund_of(p, "succeeded") is not None)
    changed = tuple(
        replace(o, amount=row.amount + 1) if o.kind == "refund" else o for o in row.operations
    )
    run.payments[place] = replace(row, operations=changed)


@breaks("indeterminate-resolved")
def an_operation_is_still_pending(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.payments, rng, lambda _: True)
    run.payments[place] = with_charge(row, state="pending")


@breaks("nothing-left-unconfirmed")
def a_record_stays_unconfirmed(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.payments, rng, captured)
    run.payments[place] = replace(row, unconfirmed=True)


@breaks("one-charge-per-operation")
def the_provider_does_an_operation_twice(run: FakeRun, rng: random.Random) -> None:
    _, row = pick(run.provider, rng, lambda _: True)
    run.provider.append(replace(row, reference="again"))


@breaks("one-charge-per-operation")
def the_provider_does_an_unknown_operation_twice(run: FakeRun, rng: random.Random) -> None:
    _, row = pick(run.provider, rng, lambda _: True)
    run.provider += [replace(row, payment_id="unknown", operation_id="unknown")] * 2


def charge(run: FakeRun, rng: random.Random) -> ProviderRow:
    """A random charge at the provider."""
    return pick(run.provider, rng, lambda row: row.kind == "charge")[1]


@breaks("one-charge-per-idempotency-key")
def a_retry_under_another_operation_charges_again(run: FakeRun, rng: random.Random) -> None:
    run.provider.append(replace(charge(run, rng), operation_id="other"))


@breaks("one-charge-per-idempotency-key")
def a_retry_becomes_another_payment_and_charges_again(run: FakeRun, rng: random.Random) -> None:
    row = charge(run, rng)
    _, record = pick(run.payments, rng, lambda p: p.payment_id == row.payment_id)
    operation = replace(record.operations[0], operation_id="other")
    run.payments.append(replace(record, payment_id="other", operations=(operation,)))
    run.provider.append(replace(row, payment_id="other", operation_id="other"))


@breaks("one-charge-per-idempotency-key")
def a_payment_that_was_lost_had_been_charged_before(run: FakeRun, rng: random.Random) -> None:
    place, end = answer(run, rng, Function.PAY, EventType.OK)
    row = next(p for p in run.provider if p.payment_id == end.payment_id and p.kind == "charge")
    run.change_history(place, payment_id="lost")
    lost = {"payment_id": "lost", "operation_id": "lost", "idempotency_key": None}
    run.provider.append(replace(row, **lost))


@breaks("one-charge-per-idempotency-key")
def a_payment_that_nobody_knows_was_charged_under_a_key(run: FakeRun, rng: random.Random) -> None:
    run.provider.append(replace(charge(run, rng), payment_id="lost", operation_id="lost"))


@breaks("one-charge-per-idempotency-key")
def an_unknown_payment_was_charged_twice(run: FakeRun, rng: random.Random) -> None:
    row = replace(charge(run, rng), payment_id="lost", idempotency_key=None)
    run.provider += [replace(row, operation_id="lost-1"), replace(row, operation_id="lost-2")]


@breaks("no-charge-without-record")
def a_charged_payment_has_no_record(run: FakeRun, rng: random.Random) -> None:
    row = charge(run, rng)
    run.payments[:] = [p for p in run.payments if p.payment_id != row.payment_id]


@breaks("no-charge-without-record")
def a_record_lacks_an_operation_that_was_done(run: FakeRun, rng: random.Random) -> None:
    row = charge(run, rng)
    run.provider.append(replace(row, operation_id="unknown", kind="capture"))


@breaks("provider-agrees")
def the_provider_took_another_amount(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.provider, rng, lambda _: True)
    run.provider[place] = replace(row, amount=row.amount + 1)


@breaks("provider-agrees")
def the_provider_did_something_else(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.provider, rng, lambda _: True)
    run.provider[place] = replace(row, kind="capture")


@breaks("provider-agrees")
def the_record_has_another_reference(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.provider, rng, lambda _: True)
    run.provider[place] = replace(row, reference="other")


@breaks("provider-agrees")
def a_time_out_was_taken_for_a_decline(run: FakeRun, rng: random.Random) -> None:
    row = charge(run, rng)
    place, record = pick(run.payments, rng, lambda p: p.payment_id == row.payment_id)
    run.payments[place] = with_charge(record, state="declined")


@breaks("provider-agrees")
def the_provider_never_did_it(run: FakeRun, rng: random.Random) -> None:
    place, _ = pick(run.provider, rng, lambda _: True)
    del run.provider[place]


@breaks("provider-agrees")
def the_provider_refunded_more_than_was_captured(run: FakeRun, rng: random.Random) -> None:
    _, row = pick(run.provider, rng, lambda p: p.kind == "refund")
    run.provider.append(replace(row, amount=10**8, operation_id="unknown"))


@breaks("history-is-whole")
def a_line_of_the_history_is_gone(run: FakeRun, rng: random.Random) -> None:
    del run.history[rng.randrange(1, len(run.history) - 1)]


@breaks("history-is-whole")
def an_operation_ends_twice(run: FakeRun, rng: random.Random) -> None:
    _, row = answer(run, rng, Function.PAY, EventType.OK)
    run.history.append(replace(row, index=len(run.history)))


@breaks("history-is-whole")
def a_process_begins_twice(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.history, rng, lambda row: row.type is EventType.INVOKE)
    run.history.insert(place, row)
    run.renumber()


@breaks("same-key-same-answer")
def a_replay_tells_another_payment(run: FakeRun, rng: random.Random) -> None:
    place, _ = pick(run.history, rng, lambda row: row.replayed)
    run.change_history(place, payment_id="other")


@breaks("same-key-same-answer")
def a_replay_declines_what_was_acknowledged(run: FakeRun, rng: random.Random) -> None:
    place, _ = pick(run.history, rng, lambda e: e.replayed and e.type is EventType.OK)
    run.change_history(place, type=EventType.FAIL, http_status=402, status="declined")


@breaks("same-key-same-answer")
def one_payment_answers_two_keys(run: FakeRun, rng: random.Random) -> None:
    _, end = answer(run, rng, Function.PAY, EventType.OK)
    invoke = replace(invoke_of(run, end), key="another")
    append_operation(run, invoke, replace(end, key="another"))


@breaks("same-key-same-answer")
def an_answered_request_is_refused_as_a_reuse(run: FakeRun, rng: random.Random) -> None:
    _, end = answer(run, rng, Function.PAY, EventType.OK)
    refusal = replace(end, type=EventType.FAIL, http_status=422, status=None, payment_id=None)
    append_operation(run, invoke_of(run, end), refusal)


@breaks("other-request-same-key-refused")
def another_request_gets_the_answer_of_its_key(run: FakeRun, rng: random.Random) -> None:
    _, end = answer(run, rng, Function.PAY, EventType.OK)
    invoke = replace(invoke_of(run, end), request="other")
    append_operation(run, invoke, replace(end, request="other"))


@breaks("other-request-same-key-refused")
def a_fresh_key_is_refused_as_a_reuse(run: FakeRun, rng: random.Random) -> None:
    _, end = answer(run, rng, Function.PAY, EventType.OK)
    invoke = replace(invoke_of(run, end), key="fresh")
    refusal = {"type": EventType.FAIL, "http_status": 422, "status": None, "payment_id": None}
    append_operation(run, invoke, replace(end, key="fresh", **refusal))


@breaks("answers-fit-requests")
def more_is_acknowledged_than_was_asked(run: FakeRun, rng: random.Random) -> None:
    place, row = answer(run, rng, Function.PAY, EventType.OK)
    run.change_history(place, amount=row.amount + 1)


@breaks("answers-fit-requests")
def an_acknowledgement_names_no_payment(run: FakeRun, rng: random.Random) -> None:
    place, _ = answer(run, rng, Function.PAY, EventType.OK)
    run.change_history(place, payment_id=None)


@breaks("reads-see-acknowledged")
def a_read_does_not_find_an_acknowledged_payment(run: FakeRun, rng: random.Random) -> None:
    place, _ = answer(run, rng, Function.READ, EventType.OK)
    run.change_history(place, type=EventType.FAIL, http_status=404, status=None)


@breaks("reads-see-acknowledged")
def a_refund_does_not_find_an_acknowledged_payment(run: FakeRun, rng: random.Random) -> None:
    place, _ = answer(run, rng, Function.REFUND, EventType.OK)
    run.change_history(place, type=EventType.FAIL, http_status=404, status=None)


@breaks("reads-see-acknowledged")
def a_read_shows_an_earlier_state(run: FakeRun, rng: random.Random) -> None:
    place, _ = answer(run, rng, Function.READ, EventType.OK)
    run.change_history(place, status="accepted")


@breaks("reads-see-acknowledged")
def a_read_misses_a_full_refund(run: FakeRun, rng: random.Random) -> None:
    _, end = pick(run.history, rng, lambda e: e.f is Function.REFUND and e.status == "refunded")
    read = replace(end, f=Function.READ, key=end.payment_id)
    amount = next(p.amount for p in run.payments if p.payment_id == end.payment_id)
    invoke = replace(read, type=EventType.INVOKE, status=None)
    append_operation(run, invoke, replace(read, status="captured", amount=amount))


@breaks("reads-see-acknowledged")
def a_read_shows_a_refund_that_nobody_asked_for(run: FakeRun, rng: random.Random) -> None:
    refunded = {row.payment_id for row in run.history if row.f is Function.REFUND}
    place, _ = pick(
        run.history,
        rng,
        lambda e: (e.f, e.status) == (Function.READ, "captured") and e.payment_id not in refunded,
    )
    run.change_history(place, status="voided")


@breaks("reads-see-acknowledged")
def a_read_shows_another_amount(run: FakeRun, rng: random.Random) -> None:
    place, row = answer(run, rng, Function.READ, EventType.OK)
    run.change_history(place, amount=row.amount + 1)


@breaks("reads-see-acknowledged")
def a_read_shows_an_unknown_status(run: FakeRun, rng: random.Random) -> None:
    place, _ = answer(run, rng, Function.READ, EventType.OK)
    run.change_history(place, status="probably")


@breaks("reads-agree-with-records")
def what_a_read_showed_is_not_in_the_record(run: FakeRun, rng: random.Random) -> None:
    _, end = answer(run, rng, Function.READ, EventType.OK)
    place, row = pick(run.payments, rng, lambda p: p.payment_id == end.payment_id)
    run.payments[place] = replace(row, state="accepted")


@breaks("reads-agree-with-records")
def a_payment_that_was_read_has_no_record(run: FakeRun, rng: random.Random) -> None:
    _, end = answer(run, rng, Function.READ, EventType.OK)
    run.payments[:] = [row for row in run.payments if row.payment_id != end.payment_id]


def surviving(row: PostingRow) -> bool:
    """Whether a posting is in a ledger that is judged."""
    return row.site in {"east", "west"}


@breaks("acknowledged-payments-in-ledger")
def an_entry_is_in_one_ledger_only(run: FakeRun, rng: random.Random) -> None:
    _, row = pick(run.ledger, rng, surviving)
    run.ledger[:] = [r for r in run.ledger if (r.site, r.entry_id) != (row.site, row.entry_id)]


@breaks("acknowledged-payments-in-ledger")
def an_operation_is_posted_twice(run: FakeRun, rng: random.Random) -> None:
    run.ledger.append(pick(run.ledger, rng, surviving)[1])


@breaks("acknowledged-payments-in-ledger")
def something_is_posted_that_no_record_has(run: FakeRun, rng: random.Random) -> None:
    run.ledger.append(replace(pick(run.ledger, rng, surviving)[1], entry_id="unknown"))


@breaks("acknowledged-payments-in-ledger")
def an_entry_is_posted_to_another_account(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.ledger, rng, surviving)
    run.ledger[place] = replace(row, account="petty_cash")


@breaks("acknowledged-payments-in-ledger")
def a_fee_is_not_the_one_that_was_decided(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.ledger, rng, lambda r: surviving(r) and r.account == "fees")
    run.ledger[place] = replace(row, amount=row.amount - 1)


@breaks("acknowledged-payments-in-ledger")
def a_refund_is_taken_from_the_payable_account(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.ledger, rng, lambda r: surviving(r) and r.account == "refunds")
    run.ledger[place] = replace(row, account="merchant_payable")


@breaks("acknowledged-payments-in-ledger")
def an_entry_names_another_payment(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.ledger, rng, surviving)
    run.ledger[place] = replace(row, payment_id="other")


@breaks("postings-balance")
def one_leg_has_another_amount(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.ledger, rng, surviving)
    run.ledger[place] = replace(row, amount=row.amount + 1)


@breaks("postings-balance")
def one_leg_is_missing(run: FakeRun, rng: random.Random) -> None:
    place, _ = pick(run.ledger, rng, surviving)
    del run.ledger[place]


@breaks("postings-balance")
def one_leg_has_another_currency(run: FakeRun, rng: random.Random) -> None:
    place, row = pick(run.ledger, rng, surviving)
    run.ledger[place] = replace(row, currency="XXX")


@breaks("postings-balance")
def an_unknown_entry_has_one_leg(run: FakeRun, rng: random.Random) -> None:
    run.ledger.append(replace(pick(run.ledger, rng, surviving)[1], entry_id="unknown"))


@breaks("old-epochs-stay-fenced")
def a_stale_handler_posts_after_the_move(run: FakeRun, rng: random.Random) -> None:
    latest = max(row.posted_at_ns for row in run.ledger)
    place, row = pick(run.ledger, rng, lambda r: surviving(r) and r.epoch == 1)
    run.ledger[place] = replace(row, posted_at_ns=latest + 1)


@breaks("epochs-rise-one-winner")
def a_later_move_wins_no_later_epoch(run: FakeRun, rng: random.Random) -> None:
    epoch = rng.choice([1, 2])
    run.moves.append(replace(run.moves[0], move_id="move-2", epoch=epoch))


@breaks("lost-by-ledger-were-unconfirmed")
def reconciliation_missed_what_the_ledger_lost(run: FakeRun, rng: random.Random) -> None:
    move = run.moves[0]
    lost = rng.choice(sorted(set(move.old_writer or ()) - set(move.standby or ())))
    payment = next(row.payment_id for row in run.ledger if row.entry_id == lost)
    run.moves[0] = replace(move, seen=tuple(p for p in move.seen if p != payment))


@breaks("lost-by-ledger-were-unconfirmed")
def the_old_writer_had_an_entry_that_no_record_has(run: FakeRun, rng: random.Random) -> None:
    move = run.moves[0]
    entries = [*(move.old_writer or ())]
    entries.insert(rng.randrange(len(entries)), "unknown")
    run.moves[0] = replace(move, old_writer=tuple(entries))


@breaks("planned-move-loses-nothing")
def a_switchover_loses_an_entry(run: FakeRun, rng: random.Random) -> None:
    run.moves[0] = replace(run.moves[0], kind=rng.choice(["switchover", "failback"]))


@breaks("reconciled-are-in-ledger")
def what_reconciliation_saw_is_in_no_ledger(run: FakeRun, rng: random.Random) -> None:
    seen = set(run.moves[0].seen)
    _, row = pick(run.ledger, rng, lambda r: surviving(r) and r.payment_id in seen)
    run.ledger[:] = [r for r in run.ledger if r.entry_id != row.entry_id]


@breaks("reconciled-are-in-ledger")
def reconciliation_posted_what_no_record_has(run: FakeRun, rng: random.Random) -> None:
    posted = [*run.moves[0].posted, "unknown"]
    rng.shuffle(posted)
    run.moves[0] = replace(run.moves[0], posted=tuple(posted))
