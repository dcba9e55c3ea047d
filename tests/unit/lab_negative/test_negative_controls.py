"""Each control does its wrong exactly; the same acts with the real parts do not."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from fakes.composed import API_KEY, STAMP, FakeWorld
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.functions.composition import Composition
from payment_dr.lab.negative import (
    acknowledge_before_commit,
    key_in_async_table,
    unfenced_promotion,
)
from payment_dr.lab.negative.acknowledge_before_commit import written_behind
from payment_dr.lab.negative.key_in_async_table import SLOW_S, claimed_locally
from payment_dr.lab.negative.parts import Once, repeat
from payment_dr.lab.negative.unfenced_promotion import unfenced
from payment_dr.payments.outcome import Created
from payment_dr.payments.ports import ControlView, Posted
from payment_dr.payments.record import OperationState, PaymentState
from payment_dr.payments.requests import PayRequest

WEST_STAMP = Stamp(epoch=Epoch(2), site=SiteName("west"))


@pytest.fixture(name="world")
def fresh_world() -> FakeWorld:
    return FakeWorld()


def pay(parts: Composition, key: str = "key") -> Created:
    outcome = parts.service.pay(
        PayRequest(
            merchant="shop",
            idempotency_key=key,
            money=Money(minor_units=1250, currency="EUR"),
            capture=True,
            payment_method="pm_card_visa",
        )
    )
    assert isinstance(outcome, Created)
    return outcome


def test_an_early_acknowledgement_has_no_record_yet(world: FakeWorld) -> None:
    parts, table = written_behind(world.parts("east"))
    acknowledged = pay(parts)
    assert len(world.provider.effects) == 1
    assert world.table.records == {}
    world.clock.advance(acknowledge_before_commit.DELAY_S)
    table.deliver(map)
    stored = world.table.get(acknowledged.record.payment_id)
    assert stored is not None
    assert stored.state is PaymentState.CAPTURED


def test_an_acknowledgement_of_the_real_parts_has_its_record(world: FakeWorld) -> None:
    acknowledged = pay(world.parts("east"))
    assert world.table.records == {acknowledged.record.payment_id: acknowledged.record}


def test_with_local_claims_a_retry_at_the_other_site_charges_again(world: FakeWorld) -> None:
    east, _ = claimed_locally(world.parts("east"))
    west, _ = claimed_locally(world.parts("west"))
    first, second = pay(east), pay(west)
    assert first.record.payment_id == second.record.payment_id
    assert len(world.provider.effects) == 2


def test_with_local_claims_a_retry_at_the_same_site_is_replayed(world: FakeWorld) -> None:
    east, _ = claimed_locally(world.parts("east"))
    assert not pay(east).replayed
    assert pay(east).replayed
    assert len(world.provider.effects) == 1


def test_a_local_claim_is_slow_between_charge_and_answer(world: FakeWorld) -> None:
    east, _ = claimed_locally(world.parts("east"))
    pay(east)
    assert world.clock.monotonic() == SLOW_S


def test_letting_go_of_a_local_claim_is_not_slow(world: FakeWorld) -> None:
    parts, table = claimed_locally(world.parts("east"))
    outcome = pay(parts)
    pending = replace(
        outcome.record,
        operations=(replace(outcome.operation, state=OperationState.PENDING),),
        version=outcome.record.version + 1,
    )
    before = world.clock.monotonic()
    assert table.replace(pending, based_on=outcome.record.version)
    assert world.clock.monotonic() == before


def test_with_the_real_parts_a_retry_at_the_other_site_is_replayed(world: FakeWorld) -> None:
    pay(world.parts("east"))
    assert pay(world.parts("west")).replayed
    assert len(world.provider.effects) == 1


def failed_over(world: FakeWorld) -> str:
    """East's ledger is an old writer, west is active, and a payment was accepted there."""
    world.ledgers["west"].write_stamp(WEST_STAMP)
    world.control.view = ControlView(steady=True, active=SiteName("west"), epoch=Epoch(2))
    return pay(world.parts("west")).operation.operation_id


def test_an_unfenced_old_writer_posts_what_was_accepted_elsewhere(world: FakeWorld) -> None:
    entry = failed_over(world)
    _, poster = unfenced(world.parts("east"))
    poster.run()
    assert entry in world.ledgers["east"].entries
    assert world.ledgers["east"].stamp == STAMP


def test_an_unfenced_handler_posts_to_its_own_old_ledger(world: FakeWorld) -> None:
    failed_over(world)
    parts, _ = unfenced(world.parts("east"))
    entry = pay(parts, "at-the-old-site").operation.operation_id
    assert entry in world.ledgers["east"].entries


def test_the_real_parts_post_nothing_to_an_old_writer(world: FakeWorld) -> None:
    failed_over(world)
    pay(world.parts("east"), "at-the-old-site")
    assert world.ledgers["east"].entries == {}


def test_an_unfenced_ledger_still_cannot_write_to_a_replica(world: FakeWorld) -> None:
    world.ledgers["west"].follow(world.ledgers["east"])
    parts, _ = unfenced(world.parts("west"))
    assert parts.ports.ledger.post((), STAMP) is Posted.FENCED
    assert parts.ports.ledger.view(["an entry"]).in_recovery


def test_parts_are_built_once_for_all_threads(world: FakeWorld) -> None:
    built: list[Composition] = []

    def build() -> Composition:
        built.append(world.parts("east"))
        return built[-1]

    once = Once(build)
    assert once() is once()
    assert len(built) == 1


def test_what_is_repeated_outlives_an_outage_and_ends_when_told() -> None:
    tries: list[int] = []
    thrice = threading.Event()

    def act() -> None:
        tries.append(len(tries))
        if len(tries) == 3:
            thrice.set()
        raise UnavailableError("the table did not answer")

    ending = repeat("tests", act, every_s=0.001)
    assert thrice.wait(10)
    ending.set()


@pytest.mark.parametrize(
    ("module", "thread"),
    [
        (acknowledge_before_commit, "deliver"),
        (key_in_async_table, "deliver"),
        (unfenced_promotion, "unfenced-poster"),
    ],
)
def test_each_control_answers_as_a_handler_and_works_behind_it(
    module: ModuleType, thread: str, world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind: dict[str, Callable[[], object]] = {}

    def note(name: str, act: Callable[[], object], *, every_s: float) -> None:
        assert every_s > 0
        behind[name] = act

    monkeypatch.setattr(module, "composition", lambda _role: world.parts("east"))
    monkeypatch.setattr(module, "repeat", note)
    monkeypatch.setattr(module, "PARTS", Once(module.build))
    answer: dict[str, Any] = module.handler(payment_event(), None)
    assert answer["statusCode"] == 201
    assert json.loads(answer["body"])["status"] == "captured"
    assert answer["headers"]["payment-site"] == "east"
    world.clock.advance(1)
    behind[thread]()
    assert len(world.table.records) == 1


def payment_event() -> dict[str, Any]:
    return {
        "requestContext": {"http": {"method": "POST"}, "requestId": "r1"},
        "rawPath": "/v1/payments",
        "headers": {"authorization": f"Bearer {API_KEY}", "idempotency-key": "k"},
        "body": json.dumps({"amount": 1250, "currency": "EUR"}),
    }
