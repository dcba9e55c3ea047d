"""Events reach the endpoints that want them, at least once, and nobody holds up the others."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from fakes.control import EAST, WEST
from fakes.deliveries import Delivering, FakeQueue, endpoint
from fakes.faults import Script
from payment_dr.core.stamp import Epoch
from payment_dr.payments.deliveries import Answered, DeliveryState, NoAnswer
from payment_dr.payments.jobs import deliverer
from payment_dr.payments.jobs.deliverer import BATCH, LANES, DelivererRun
from payment_dr.payments.ports import ControlView
from payment_dr.payments.webhooks import ATTEMPTS_MAX, FIRST_PAUSE_S

FIRST, SECOND = "event-1", "event-2"
LONG_S = 3600.0
SILENT = NoAnswer(reason="no answer in time")


@pytest.fixture(name="queue")
def queue_fixture() -> FakeQueue:
    return FakeQueue()


@pytest.fixture(name="site")
def site_fixture(queue: FakeQueue) -> Delivering:
    return Delivering(queue=queue)


def test_an_event_is_delivered_once_to_each_endpoint_that_wants_its_type(
    site: Delivering, queue: FakeQueue
) -> None:
    site.endpoints.by_merchant["shop"] = (
        endpoint(1),
        endpoint(2, events=("payment.captured",)),
        endpoint(3, events=("payment.refunded",)),
        endpoint(4, disabled_at=1.0),
    )
    site.endpoints.by_merchant["other"] = (endpoint(5),)
    queue.book(FIRST)
    done = site.deliverer().run(LONG_S)
    assert done == DelivererRun(planned=1, delivered=2, failed=0, dead=0, active=True)
    assert sorted(site.endpoints.sent) == [("we_1", FIRST), ("we_2", FIRST)]
    assert site.deliverer().run(LONG_S).delivered == 0
    assert len(site.endpoints.sent) == 2


def test_a_merchants_endpoints_are_read_once_for_a_batch_of_its_events(
    site: Delivering, queue: FakeQueue
) -> None:
    script = Script()
    queue.book(*(f"event-{number:04}" for number in range(BATCH)))
    assert site.deliverer(script).run(LONG_S).delivered == BATCH
    assert script.effects.count("endpoints") == 2  # to plan, and to send


def test_an_event_that_nobody_wants_is_done_with(site: Delivering, queue: FakeQueue) -> None:
    queue.book(FIRST, merchant="without-endpoints")
    assert site.deliverer().run(LONG_S).planned == 1
    assert not queue.outbox
    assert not queue.rows


@pytest.mark.parametrize(
    "view",
    [
        ControlView(steady=False, active=EAST, epoch=Epoch(2)),
        ControlView(steady=True, active=WEST, epoch=Epoch(2)),
    ],
)
def test_it_delivers_only_in_a_steady_phase_at_the_active_site(
    site: Delivering, queue: FakeQueue, view: ControlView
) -> None:
    queue.book(FIRST)
    site.control.view = view
    idle = DelivererRun(planned=0, delivered=0, failed=0, dead=0, active=False)
    assert site.deliverer().run(LONG_S) == idle
    assert FIRST in queue.outbox


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answered(status=500), "answered 500"),
        (Answered(status=410), "answered 410"),
        (Answered(status=302), "redirects are not followed"),
        (SILENT, "no answer in time"),
    ],
)
def test_a_failure_is_tried_again_after_a_pause_that_grows(
    site: Delivering, queue: FakeQueue, answer: Answered | NoAnswer, error: str
) -> None:
    site.endpoints.answers[endpoint().url] = answer
    queue.book(FIRST)
    pauses: list[float] = []
    for _ in range(4):
        assert site.deliverer().run(LONG_S).failed == 1
        row = queue.rows[FIRST, "we_1"]
        pauses.append(row.next_at - site.clock.now())
        assert row.error == error
        site.clock.advance(pauses[-1])
    assert pauses == [FIRST_PAUSE_S * 2**attempt for attempt in range(4)]
    site.endpoints.answers.clear()
    assert site.deliverer().run(LONG_S).delivered == 1


def test_after_the_last_attempt_it_is_a_dead_letter(site: Delivering, queue: FakeQueue) -> None:
    site.endpoints.answers[endpoint().url] = Answered(status=500)
    queue.book(FIRST)
    for _ in range(ATTEMPTS_MAX - 1):
        assert site.deliverer().run(LONG_S).dead == 0
        site.clock.advance(24 * 3600)
    assert site.deliverer().run(LONG_S).dead == 1
    row = queue.rows[FIRST, "we_1"]
    assert (row.state, row.attempts, row.status) == (DeliveryState.DEAD, ATTEMPTS_MAX, 500)


@pytest.mark.parametrize("left", [(), (endpoint(disabled_at=2.0),)])
def test_what_waits_for_an_endpoint_that_is_gone_or_disabled_is_dead(
    site: Delivering, queue: FakeQueue, left: tuple[object, ...]
) -> None:
    site.endpoints.answers[endpoint().url] = SILENT
    queue.book(FIRST)
    site.deliverer().run(LONG_S)
    site.clock.advance(60)
    site.endpoints.by_merchant["shop"] = left  # type: ignore[assignment] # endpoints, or none
    assert site.deliverer().run(LONG_S).dead == 1
    assert queue.rows[FIRST, "we_1"].error == "the endpoint is disabled"


def test_a_silent_endpoint_costs_an_attempt_per_run_and_holds_up_nobody(
    site: Delivering, queue: FakeQueue
) -> None:
    site.endpoints.by_merchant["shop"] = (endpoint(1), endpoint(2))
    site.endpoints.answers[endpoint(1).url] = SILENT
    queue.book(*(f"event-{number:04}" for number in range(3 * BATCH)))
    done = site.deliverer().run(LONG_S)
    assert (done.delivered, done.failed) == (3 * BATCH, 1)
    attempts = [row.attempts for (_, name), row in queue.rows.items() if name == "we_1"]
    assert sum(attempts) == 1
    put_off = [r for (_, name), r in queue.rows.items() if name == "we_1" and not r.attempts]
    assert all(row.error is None for row in put_off)


def test_an_endpoint_that_answers_badly_gets_all_its_events(
    site: Delivering, queue: FakeQueue
) -> None:
    site.endpoints.answers[endpoint().url] = Answered(status=500)
    queue.book(*(f"event-{number:04}" for number in range(BATCH)))
    assert site.deliverer().run(LONG_S).failed == BATCH


def test_when_the_time_is_over_what_was_taken_is_given_back_uncounted(
    site: Delivering, queue: FakeQueue
) -> None:
    site.endpoints.takes_s = 2.0
    queue.book(*(f"event-{number:04}" for number in range(20)))
    done = site.deliverer().run(10.0)
    assert done.delivered == 5
    left = [row for row in queue.rows.values() if row.state is DeliveryState.PENDING]
    assert len(left) == 15
    assert {row.attempts for row in left} == {0}
    assert all(row.next_at <= site.clock.now() for row in left)


def test_one_endpoint_is_asked_by_a_bounded_number_of_lanes_at_once(
    site: Delivering, queue: FakeQueue
) -> None:
    queue.book(*(f"event-{number:04}" for number in range(100)))
    with ThreadPoolExecutor(64) as threads:
        sizes: list[int] = []

        def spread(act, lanes):  # type: ignore[no-untyped-def] # passes through what it is given
            made = list(lanes)
            sizes.append(len(made))
            return threads.map(act, made)

        done = replace(site.deliverer(), spread=spread).run(LONG_S)
    assert sizes == [LANES]
    assert done.delivered == 100
    assert len({event for _, event in site.endpoints.sent}) == 100


def test_a_secret_that_is_being_rotated_signs_beside_the_new_one(
    site: Delivering, queue: FakeQueue
) -> None:
    rotating = endpoint(rotation=2, previous_until=site.clock.now() + 60)
    site.endpoints.by_merchant["shop"] = (rotating,)
    queue.book(FIRST, SECOND)
    assert site.deliverer().run(LONG_S).delivered == 2


def test_a_run_ends_however_much_keeps_coming(
    site: Delivering, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliverer, "_BATCHES_MAX", 2)
    queue.book(*(f"event-{number:04}" for number in range(3 * BATCH)))
    assert site.deliverer().run(LONG_S).delivered == 2 * BATCH
