"""The schedule: from the seed alone, in order, at the rate and with the shares asked for."""

from collections import Counter
from itertools import islice, pairwise

from lab.fake_service import plan_of
from payment_dr.lab.load.arrivals import Kind, arrivals

SHARES = {"duplicates": 0.5, "refunds": 0.25, "reads": 1.0, "key_reuses": 0.1}


def test_the_schedule_depends_on_the_seed_alone() -> None:
    first, again, other = (
        list(islice(arrivals(plan_of(seed=seed, duration_s=None, **SHARES)), 500))
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_payments_arrive_at_random_at_the_rate_and_others_by_their_shares() -> None:
    schedule = list(arrivals(plan_of(rate_per_s=100, duration_s=100, **SHARES)))
    counts = Counter(arrival.kind for arrival in schedule)
    payments = counts[Kind.PAYMENT]
    assert 9_500 < payments < 10_500
    assert 0.47 < counts[Kind.DUPLICATE] / payments < 0.53
    assert 0.22 < counts[Kind.REFUND] / payments < 0.28
    assert 0.98 < counts[Kind.READ] / payments <= 1
    assert 0.08 < counts[Kind.KEY_REUSE] / payments < 0.12
    gaps = [b.at_s - a.at_s for a, b in pairwise(a for a in schedule if a.kind is Kind.PAYMENT)]
    # Of an exponential distribution, 1/e of the gaps are longer than the mean.
    assert 0.34 < sum(gap > 0.01 for gap in gaps) / len(gaps) < 0.40


def test_everything_is_in_order_and_ends_with_the_duration() -> None:
    schedule = list(arrivals(plan_of(duration_s=3, **SHARES)))
    times = [arrival.at_s for arrival in schedule]
    assert times == sorted(times)
    assert 2.9 < times[-1] < 3


def test_what_follows_a_payment_comes_after_it() -> None:
    sent: dict[int, float] = {}
    for arrival in arrivals(plan_of(duration_s=2, **SHARES)):
        if arrival.kind is Kind.PAYMENT:
            sent[arrival.number] = arrival.at_s
        assert sent[arrival.number] <= arrival.at_s <= sent[arrival.number] + 1
