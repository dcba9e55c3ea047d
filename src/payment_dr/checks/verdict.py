"""Verdicts with witnesses: pass, fail or unknown; the worst wins, and unknown is never a pass."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from payment_dr.checks.evidence import Source, SourceState


@unique
class Verdict(StrEnum):
    """UNKNOWN: the evidence needed to decide is missing, truncated or incomplete."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    UNKNOWN = "unknown"
    FAIL = "fail"


_BADNESS: Final = {Verdict.PASS: 0, Verdict.UNKNOWN: 1, Verdict.FAIL: 2}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """FAIL over UNKNOWN over PASS; UNKNOWN when nothing was judged."""
    return max(verdicts, key=_BADNESS.__getitem__, default=Verdict.UNKNOWN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Witness:
    """One violation. `minor_units` is the money at stake, 0 when there is none."""

    payment_id: str | None
    minor_units: int
    currency: str | None
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A judged claim. `checked` says what was looked at; `reason` why it is unknown, else "".

    Of all violations it names the first and the last found, and the worst: the one with most money.
    """

    name: str
    verdict: Verdict
    checked: str
    reason: str
    violations: int
    first: Witness | None
    worst: Witness | None
    last: Witness | None


class Judgement:
    """Collects the violations of one claim in constant memory.

    Args:
        name: stable kebab-case name of the claim.
        checked: a sentence that says what was checked.
        needs: the sources it is decided by.
    """

    def __init__(self, name: str, checked: str, needs: Sequence[Source[object]]) -> None:
        self.name = name
        self._checked = checked
        self._needs = needs
        self._conclusive = 0
        self._count = 0
        self._doubt = ""
        self._first: Witness | None = None
        self._worst: Witness | None = None
        self._last: Witness | None = None

    def violated(
        self,
        detail: str,
        *,
        payment_id: str | None = None,
        minor_units: int = 0,
        currency: str | None = None,
        absent_from: Source[object] | None = None,
    ) -> None:
        """Note a violation.

        `absent_from` is the source in which something was looked for in vain: if that source is
        not complete the violation proves nothing, and the claim becomes unknown. It must have been
        read to its end before.
        """
        witness = Witness(
            payment_id=payment_id, minor_units=minor_units, currency=currency, detail=detail
        )
        self._count += 1
        if absent_from is None or absent_from.state is SourceState.COMPLETE:
            self._conclusive += 1
        if self._first is None:
            self._first = witness
        if self._worst is None or minor_units > self._worst.minor_units:
            self._worst = witness
        self._last = witness

    def doubt(self, reason: str) -> None:
        """Say why the claim cannot be decided, whatever the sources; the first reason is kept."""
        self._doubt = self._doubt or reason

    @property
    def count(self) -> int:
        """Violations so far."""
        return self._count

    def claim(self) -> Claim:
        """Decide, once all its sources have been read to the end."""
        reason = "; ".join(
            f"{source.name} is {source.state}"
            for source in self._needs
            if source.state is not SourceState.COMPLETE
        )
        reason = reason or self._doubt
        if self._conclusive:
            verdict, reason = Verdict.FAIL, ""
        elif reason:
            verdict = Verdict.UNKNOWN
        else:
            verdict = Verdict.PASS
        return Claim(
            name=self.name,
            verdict=verdict,
            checked=self._checked,
            reason=reason,
            violations=self._count,
            first=self._first,
            worst=self._worst,
            last=self._last,
        )
