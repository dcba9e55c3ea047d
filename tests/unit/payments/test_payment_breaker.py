from payment_dr.payments.breaker import CircuitBreaker


def opened() -> CircuitBreaker:
    breaker = CircuitBreaker(failures_max=2, open_s=1.0)
    breaker.failed(0.0)
    breaker.failed(0.0)
    return breaker


def test_it_stays_closed_below_the_limit() -> None:
    breaker = CircuitBreaker(failures_max=2)
    breaker.failed(0.0)
    assert breaker.allows(0.0)


def test_it_opens_after_failures_in_a_row() -> None:
    assert not opened().allows(0.9)


def test_a_success_between_failures_starts_the_count_anew() -> None:
    breaker = CircuitBreaker(failures_max=2)
    breaker.failed(0.0)
    breaker.succeeded()
    breaker.failed(0.0)
    assert breaker.allows(0.0)


def test_one_trial_is_let_through_per_period() -> None:
    breaker = opened()
    assert breaker.allows(1.0)
    assert not breaker.allows(1.0)
    assert breaker.allows(2.0)


def test_a_trial_that_succeeds_closes_it() -> None:
    breaker = opened()
    assert breaker.allows(1.0)
    breaker.succeeded()
    assert breaker.allows(1.0)
    assert breaker.allows(1.0)


def test_a_trial_that_fails_keeps_it_open() -> None:
    breaker = opened()
    assert breaker.allows(1.0)
    breaker.failed(1.5)
    assert not breaker.allows(2.4)
    assert breaker.allows(2.5)
