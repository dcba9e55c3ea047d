"""How far a copy is behind its writer, in time, from where both are in the log."""

from collections import deque
from typing import Final

_HELD_MAX: Final = 4096


class LagMeter:
    """Remembers when the writer was where; a copy lags since the writer first was seen further on.

    So a lag is as exact as looks are often: what is made up between two looks counts as none.

    Neither the server's own `replay_lag`, which stays as it was while a link is silent, nor the
    age of what was replayed last, which grows while nobody writes, can say it.
    """

    def __init__(self) -> None:
        self._written: deque[tuple[int, float]] = deque(maxlen=_HELD_MAX)

    def wrote(self, position: int, at_s: float) -> None:
        """The writer is there, in bytes of its log."""
        if not self._written or position > self._written[-1][0]:
            self._written.append((position, at_s))

    def lag_ms(self, position: int, at_s: float) -> float:
        """How long a copy that is there has been behind; 0 if it is not."""
        while self._written and self._written[0][0] <= position:
            self._written.popleft()
        return max(at_s - self._written[0][1], 0.0) * 1000 if self._written else 0.0
