"""Each check of the simulation fails when what it guards is tampered with."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes.control import WEST
from payment_dr.payments.outcome import KeyReused
from payment_dr.payments.ports import Posted
from payment_dr.payments.record import OperationState, Record
from properties.clients import Clients
from properties.events import play, quieten, run_jobs
from properties.invariants import check
from properties.scheduler import Tape
from properties.world import World

Tamper = Callable[[World, Clients], object]


def at_rest() -> tuple[World, Clients]:
    world = World(Tape(b""))
    clients = Clients(world)
    clients.start()
    play(world)
    quieten(world)
    run_jobs(world)
    return world, clients


def change(world: World, act: Callable[[Record], Record]) -> None:
    record = next(iter(world.table.records.values()))
    world.table.records[record.payment_id] = act(record)


def charge_becomes(world: World, state: OperationState) -> None:
    def act(record: Record) -> Record:
        charge = replace(record.operations[0], state=state)
        return replace(record, operations=(charge, *record.operations[1:]))

    change(world, act)


def answer_again_otherwise(clients: Clients) -> None:
    answers = next(iter(clients.answers.values()))
    answers.append(KeyReused(payment_id="any"))


def repeat_an_effect(world: World) -> None:
    world.provider.effects.append(world.provider.effects[0])


def charge_more(world: World) -> None:
    call = world.provider.effects.pop()
    money = replace(call.money, minor_units=call.money.minor_units + 1)
    world.provider.effects.append(replace(call, money=money))


@pytest.mark.parametrize(
    ("invariant", "tamper"),
    [
        ("2", lambda world, _: repeat_an_effect(world)),
        ("3", lambda world, _: world.ledgers[WEST].entries.popitem()),
        ("4", lambda _, clients: answer_again_otherwise(clients)),
        ("7", lambda world, _: change(world, lambda r: replace(r, unconfirmed=1))),
        ("7", lambda world, _: charge_becomes(world, OperationState.PENDING)),
        ("7", lambda _, clients: next(iter(clients.answers.values())).clear()),
        ("9", lambda world, _: charge_becomes(world, OperationState.DECLINED)),
        ("9", lambda world, _: world.provider.effects.pop()),
        ("9", lambda world, _: world.table.records.popitem()),
        ("9", lambda world, _: charge_more(world)),
    ],
)
def test_a_world_that_was_tampered_with_fails(invariant: str, tamper: Tamper) -> None:
    world, clients = at_rest()
    check(world, clients)
    tamper(world, clients)
    with pytest.raises(AssertionError, match=rf"^{invariant}: "):
        check(world, clients)


def test_a_ledger_that_opens_without_what_was_reconciled_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, _ = at_rest()
    world.ledgers[WEST].entries.clear()
    monkeypatch.setattr(world.ledgers[WEST], "post", lambda _entries, _stamp: Posted.DONE)
    for record in list(world.table.records.values()):
        world.table.records[record.payment_id] = replace(record, unconfirmed=1)
    world.table.refresh_indexes()
    world.moves.open(planned=False)
    with pytest.raises(AssertionError, match=r"^11: "):
        world.moves.carry_on()
