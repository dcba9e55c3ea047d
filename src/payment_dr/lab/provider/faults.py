"""Faults of the provider, drawn for each operation by its key: the same seed, the same faults."""

import hashlib
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

_DRAW_BYTES: Final = 8
_DRAWS: Final = 1 << 8 * _DRAW_BYTES
_HANG_S: Final = 8.0  # longer than a client waits: payments.provider_timeout_s is 5 by default
_HANG_S_MAX: Final = 3600.0


class Faults(BaseModel):
    """What goes wrong and how often.

    A hanging request is delayed by `hang_s`, before or after it takes effect; a client that gave
    up is charged all the same, and its retry meets an operation in progress.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hang_before: float = Field(default=0.0, ge=0, le=1)
    hang_after: float = Field(default=0.0, ge=0, le=1)
    hang_s: float = Field(default=_HANG_S, gt=0, le=_HANG_S_MAX)
    decline: float = Field(default=0.0, ge=0, le=1)
    seed: int = 0

    def drawn(self, key: str) -> "Drawn":
        """The faults of one operation."""
        return Drawn(
            hang_before_s=self.hang_s if self._draw("before", key) < self.hang_before else 0,
            hang_after_s=self.hang_s if self._draw("after", key) < self.hang_after else 0,
            decline=self._draw("decline", key) < self.decline,
        )

    def _draw(self, fault: str, key: str) -> float:
        digest = hashlib.sha256(f"{self.seed}:{fault}:{key}".encode()).digest()
        return int.from_bytes(digest[:_DRAW_BYTES], "big") / _DRAWS


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """The faults that one operation meets."""

    hang_before_s: float
    hang_after_s: float
    decline: bool
