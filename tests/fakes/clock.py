"""A clock that moves only when told to."""


class FakeClock:
    """Satisfies `core.clock.Clock`; `sleep` advances at once."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        assert seconds >= 0
        self._now += seconds
        self._monotonic += seconds
