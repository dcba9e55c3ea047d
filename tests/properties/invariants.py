"""The invariants of the protocol, asserted over a world that has come to rest.

Those of a move (5, 6, 10, 11) are asserted while it happens, in `moves`.
"""

from collections import Counter

from payment_dr.payments.journal import bookings_of
from payment_dr.payments.outcome import KeyReused
from payment_dr.payments.record import OperationKind, OperationState, Record, StoredResponse
from payment_dr.payments.transitions import call_of
from properties.clients import Clients, Definite
from properties.world import World


def check(world: World, clients: Clients) -> None:
    """Raise AssertionError with the number of the invariant that does not hold."""
    _every_record_is_final_and_confirmed(world)
    _the_provider_agrees(world)
    _the_ledgers_are_what_the_records_imply(world)
    for request in clients.remembered():
        answers = clients.answers[request]
        essences = {_essence(answer) for answer in answers}
        assert essences, f"7: never answered: {request}"
        assert len(essences) == 1, f"4: {request} was answered {essences}"


def _every_record_is_final_and_confirmed(world: World) -> None:
    for record in world.table.records.values():
        assert record.pending is None, f"7: still open: {record}"
        assert record.unconfirmed is None, f"7: never confirmed: {record}"
        captured, refunded = record.captured_minor, record.refunded_minor
        assert refunded <= captured <= record.money.minor_units, f"3: {record}"


def _the_provider_agrees(world: World) -> None:
    effects = [(call.operation.operation_id, call.money) for call in world.provider.effects]
    done = Counter(effects)
    twice = [operation for operation, times in done.items() if times > 1]
    assert not twice, f"2: more than one effect of {twice}"
    calls = [call_of(r, o) for r in _ever(world) for o in r.operations]
    for call in calls:
        succeeded = call.operation.state is OperationState.SUCCEEDED
        effect = (call.operation.operation_id, call.money)
        assert succeeded == bool(done.pop(effect, 0)), f"9: {call}"
    assert not done, f"9: effects without a record: {done}"
    _the_provider_returned_no_more_than_it_took(world)


def _the_provider_returned_no_more_than_it_took(world: World) -> None:
    balance: Counter[str] = Counter()
    for call in world.provider.effects:
        operation = call.operation
        if operation.kind is OperationKind.REFUND:
            balance[call.payment_id] -= operation.amount_minor
        elif operation.kind is OperationKind.CAPTURE or operation.capture:
            balance[call.payment_id] += operation.amount_minor
        assert balance[call.payment_id] >= 0, f"3: returned more than taken: {call}"


def _the_ledgers_are_what_the_records_imply(world: World) -> None:
    implied = {e.operation_id: e for r in _ever(world) for e in bookings_of(r)}
    records = world.table.records.values()
    needed = {e.operation_id: e for r in records for e in bookings_of(r)}
    first, *others = world.ledgers.values()
    for site, ledger in world.ledgers.items():
        # An empty database that was completed has nothing of what had expired.
        has = implied | needed | ledger.entries if ledger.from_empty else ledger.entries
        lacking = needed.keys() - ledger.entries.keys()
        assert not lacking, f"3: the ledger of {site} lacks what the records imply"
        assert has == implied, f"3: the ledger of {site} differs from the records"
    assert all(ledger.entries == first.entries for ledger in others), "3: the ledgers differ"
    for entry in implied.values():
        assert sum(posting.minor_units for posting in entry.postings) == 0, f"3: {entry}"


def _ever(world: World) -> list[Record]:
    """Records, and those that have expired: what they left at provider and ledgers stays."""
    return [*world.table.records.values(), *world.table.removed.values()]


def _essence(answer: Definite) -> StoredResponse | None:
    """What the client got to see; None for a key that belongs to another request."""
    return None if isinstance(answer, KeyReused) else answer.response
