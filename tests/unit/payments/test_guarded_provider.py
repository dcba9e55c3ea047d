"""A provider that fails is asked again under the same id, within the time, or left in peace."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.faults import Fault, Script
from fakes.provider import FakeProvider, charge_call
from payment_dr.core.errors import UnavailableError
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.guarded_provider import ATTEMPTS_MAX, FAILURES_MAX, GuardedProvider
from payment_dr.payments.ports import Declined, Succeeded

CALL = charge_call()


class Scene:
    """A guarded provider of which each call takes a while."""

    def __init__(self, *, takes_s: float = 0.0, budget_s: float = 6.0, attempt_s: float = 5.0):
        self.clock = FakeClock()
        self.script = Script()
        self.asked: list[float] = []
        self.breaker = CircuitBreaker(failures_max=FAILURES_MAX)

        def gate(effect: str, act: Callable[[], Any]) -> Any:
            self.asked.append(self.clock.monotonic())
            self.clock.advance(takes_s)
            return self.script(effect, act)

        self.inner = FakeProvider(self.clock, gate)
        self.guarded = GuardedProvider(
            provider=self.inner,
            breaker=self.breaker,
            clock=self.clock,
            attempt_s=attempt_s,
            budget_s=budget_s,
            chance=lambda: 0.5,
        )


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.LOST_REQUEST, Fault.LOST_ANSWER])
def test_a_failure_is_followed_by_another_attempt_that_charges_no_second_time(
    fault: Fault,
) -> None:
    scene = Scene()
    scene.script.plan("perform", fault)
    assert scene.guarded.perform(CALL) == Succeeded(reference="ch_1")
    assert len(scene.asked) == 2
    assert len(scene.inner.effects) == 1


def test_an_answer_is_taken_as_it_is() -> None:
    scene = Scene()
    scene.inner.decline_next("card_declined")
    assert scene.guarded.perform(CALL) == Declined(code="card_declined", reference=None)
    assert scene.guarded.look_up(CALL) == Declined(code="card_declined", reference=None)
    assert len(scene.asked) == 2


def test_the_pauses_grow_and_the_attempts_are_bounded() -> None:
    scene = Scene()
    scene.script.plan("perform", *[Fault.REFUSED] * 9)
    with pytest.raises(UnavailableError) as caught:
        scene.guarded.perform(CALL)
    assert caught.value.definite
    assert len(scene.asked) == ATTEMPTS_MAX
    pauses = [later - earlier for earlier, later in itertools.pairwise(scene.asked)]
    assert pauses == pytest.approx([0.1, 0.2])


def test_one_attempt_in_doubt_leaves_doubt_whatever_the_later_ones_say() -> None:
    scene = Scene()
    scene.script.plan("perform", Fault.LOST_ANSWER, Fault.REFUSED, Fault.REFUSED)
    with pytest.raises(UnavailableError) as caught:
        scene.guarded.perform(CALL)
    assert not caught.value.definite
    assert len(scene.inner.effects) == 1


def test_no_attempt_is_begun_that_could_outlast_the_time() -> None:
    scene = Scene(takes_s=5.0)
    scene.script.plan("perform", *[Fault.LOST_REQUEST] * 9)
    with pytest.raises(UnavailableError):
        scene.guarded.perform(CALL)
    assert len(scene.asked) == 1


def test_a_look_up_is_tried_again_too() -> None:
    scene = Scene()
    scene.guarded.perform(CALL)
    scene.script.plan("look_up", Fault.LOST_REQUEST)
    assert scene.guarded.look_up(CALL) == Succeeded(reference="ch_1")


def test_a_provider_that_does_not_answer_is_spared_but_for_a_trial_and_then_asked_again() -> None:
    scene = Scene(budget_s=0.0)
    scene.script.plan("perform", *[Fault.LOST_REQUEST] * (FAILURES_MAX + 1))
    for _ in range(FAILURES_MAX):
        with pytest.raises(UnavailableError, match="timed out"):
            scene.guarded.perform(CALL)
    with pytest.raises(UnavailableError, match="has not been answering") as caught:
        scene.guarded.perform(CALL)
    assert caught.value.definite
    assert len(scene.asked) == FAILURES_MAX
    scene.clock.advance(1.1)
    with pytest.raises(UnavailableError, match="timed out"):
        scene.guarded.perform(CALL)
    scene.clock.advance(1.1)
    assert isinstance(scene.guarded.perform(CALL), Succeeded)
    assert isinstance(scene.guarded.perform(CALL), Succeeded)


def test_one_operation_alone_does_not_open_the_breaker() -> None:
    scene = Scene()
    scene.script.plan("perform", *[Fault.LOST_REQUEST] * ATTEMPTS_MAX)
    with pytest.raises(UnavailableError):
        scene.guarded.perform(CALL)
    assert isinstance(scene.guarded.perform(CALL), Succeeded)
