"""Recovery times, throughput, latency and unanswered requests, from short stories."""

import pytest
from msgspec.structs import replace

from fakes.evidence import START_NS, FakeRun
from fakes.story import MS, Story, facts
from fakes.synthetic import clean_run
from payment_dr.checks.evidence import Event, EventType, Function, PostingRow
from payment_dr.checks.measure import Measures, measure
from payment_dr.checks.timeline import Timeline, percentile

SECOND = 1_000_000_000


def event(at_s: float, name: str, **detail: object) -> Event:
    return Event(time_ns=START_NS + int(at_s * SECOND), name=name, site=None, detail=detail)


def posting(at_s: float, epoch: int, site: str = "west") -> PostingRow:
    return PostingRow(
        site=site,
        entry_id="e",
        payment_id="p",
        kind="charge",
        account="provider_receivable",
        amount=1,
        currency="EUR",
        epoch=epoch,
        posted_at_ns=START_NS + int(at_s * SECOND),
    )


def measured(story: Story, *events: Event, fault_s: float | None, ttl_s: float = 0) -> Measures:
    fault_ns = None if fault_s is None else START_NS + int(fault_s * SECOND)
    story.run.facts = facts(fault_ns=fault_ns)
    return measure(story.run.evidence(), events, ttl_s=ttl_s)


def paid_at(*times_s: float) -> Story:
    """Payments that are acknowledged at those seconds, one ms after they were sent."""
    story = Story()
    for number, at_s in enumerate(times_s):
        story.now_ns = START_NS + int(at_s * SECOND) - 2 * MS
        story.pay(f"p{number}")
    return story


def test_a_failover_is_split_into_its_parts() -> None:
    run = clean_run(seed=1, operations=600, rate=50)
    found = measure(run.evidence(), run.events, ttl_s=1)
    times = found.recovery
    assert times.detection == pytest.approx(2.9)
    assert times.decision == pytest.approx(0.08)
    assert times.routing == pytest.approx(0.01)
    assert times.promotion == pytest.approx(0.299)
    assert times.reconciliation == pytest.approx(0.159)
    assert times.acceptance is not None
    assert 3.6 <= times.acceptance <= 3.9
    assert times.ledger is not None
    assert 3.6 <= times.ledger <= 3.9
    assert found.unanswered > found.unanswered_outside_fault == 0
    assert [mark.name for mark in found.marks] == [
        "fault",
        "detection",
        "takeover",
        "promotion",
        "reconciliation",
        "ledger open",
    ]


def test_acceptance_is_the_gap_around_the_fault() -> None:
    found = measured(paid_at(1, 2, 5, 6, 30), fault_s=2.5)
    assert found.recovery.acceptance == pytest.approx(3)


def test_an_acknowledgement_on_its_way_at_the_fault_does_not_shorten_the_gap() -> None:
    found = measured(paid_at(1, 2, 2.6, 6, 30), event(5, "dns-answer"), fault_s=2.5)
    assert found.recovery.acceptance == pytest.approx(3.4)


def test_a_quiet_time_after_the_takeover_is_none_of_the_fault() -> None:
    found = measured(paid_at(1, 2, 5, 6, 30), event(4, "dns-answer"), fault_s=2.5)
    assert found.recovery.acceptance == pytest.approx(3)


def test_a_service_that_never_came_back_has_no_recovery_time() -> None:
    found = measured(paid_at(1, 2), fault_s=2.5)
    assert found.recovery.acceptance is None
    assert found.recovery.ledger is None


def test_without_a_fault_nothing_is_measured_from_it() -> None:
    found = measured(paid_at(1, 2), event(1, "site-unhealthy"), fault_s=None)
    assert found.recovery.acceptance is None
    assert found.recovery.detection is None
    assert not found.marks
    assert found.latency_ms.p99 == pytest.approx(1)


def test_the_ledger_is_closed_until_the_new_epoch_posts_after_its_opening() -> None:
    story = paid_at(1, 9)
    story.run.ledger += [
        posting(1, 1, "east-old-1"),
        posting(2.4, 1, "east-old-1"),
        posting(2.8, 1, "east-old-1"),
        posting(4, 2),
        posting(5.5, 2),
        posting(7, 2),
    ]
    opened = event(5, "step-finished", step="open-ledger")
    assert measured(story, opened, fault_s=2.5).recovery.ledger == pytest.approx(3.1)


def test_in_a_planned_move_the_old_writer_posts_on_until_it_is_paused() -> None:
    story = paid_at(1, 9)
    story.run.ledger += [posting(2.8, 1), posting(1, 1), posting(3.4, 2)]
    events = (event(2.6, "move-opened", kind="switchover"), event(3.2, "ledger-open"))
    assert measured(story, *events, fault_s=2.5).recovery.ledger == pytest.approx(0.6)


def test_requests_in_flight_at_the_fault_or_sent_during_it_belong_to_it() -> None:
    story = Story()
    for at_s, key in (
        (0.5, "before"),
        (2.4, "in-flight"),
        (3, "during"),
        (6, "stale"),
        (8, "after"),
    ):
        story.now_ns = START_NS + int(at_s * SECOND)
        process = story.begin(Function.PAY, key=key)
        story.wait(0.3)
        story.end(process, EventType.INFO)
        story.pay(f"ok-{key}")
    found = measured(story, event(5.5, "dns-answer"), fault_s=2.5, ttl_s=1)
    assert found.unanswered == 5
    assert found.unanswered_outside_fault == 2


def test_every_unanswered_request_counts_without_a_fault_or_a_recovery() -> None:
    story = paid_at(1)
    story.begin(Function.PAY, key="open")
    assert measured(story, fault_s=None).unanswered_outside_fault == 1
    assert measured(story, fault_s=2.5).unanswered_outside_fault == 0


def test_buckets_add_up_and_hold_their_latencies() -> None:
    run = clean_run(seed=2, operations=500, rate=50, fault=False)
    found = measure(run.evidence(), [])
    first = {
        (row.merchant, row.key): row.process
        for row in reversed(run.history)
        if row.f is Function.PAY and row.type is EventType.INVOKE
    }
    pays = [row for row in run.history if row.process in first.values()]
    assert sum(b.offered for b in found.buckets) == len(first)
    assert sum(b.acknowledged for b in found.buckets) == sum(
        row.type is EventType.OK for row in pays
    )
    assert found.bucket_s == 0.25
    assert found.offered_per_s == pytest.approx(len(first) / 10, rel=0.05)
    assert all((b.p50_ms is None) == (b.acknowledged == 0) for b in found.buckets)


def test_a_duplicate_that_waited_for_the_first_is_no_payment_and_no_latency() -> None:
    story = paid_at(0, 10)
    duplicate = story.begin(Function.PAY, key="key-p0")
    story.wait(5)
    story.end(duplicate, EventType.OK)
    found = measured(story, fault_s=None)
    assert sum(b.offered for b in found.buckets) == 2
    assert found.latency_ms.p99 is not None
    assert found.latency_ms.p99 < 1000


def test_a_long_run_has_wider_buckets() -> None:
    story = paid_at(0, 3_000)
    assert measured(story, fault_s=None).bucket_s == 10
    assert len(measured(story, fault_s=None).buckets) <= 400


def test_a_history_of_one_instant_or_of_nothing_has_no_rate() -> None:
    assert measured(paid_at(1), fault_s=None).offered_per_s is None
    empty = measure(FakeRun(facts=facts()).evidence(), [])
    assert not empty.buckets
    assert empty.offered_per_s is None
    assert empty.latency_ms.p50 is None


def test_an_end_without_a_beginning_is_left_out() -> None:
    story = paid_at(1)
    story.run.history.append(replace(story.run.history[-1], process=99))
    assert len(Timeline(story.run.history).starts) == 1


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(i) for i in range(1, 101)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile([7.0], 0.99) == 7
    assert percentile([], 0.5) is None
