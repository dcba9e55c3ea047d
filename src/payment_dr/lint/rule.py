"""The shape of a rule."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from payment_dr.lint.finding import Observation, Severity
from payment_dr.lint.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule of disaster recovery.

    Its id never changes meaning: people list ids in their pipelines. Every rule has a failing and
    a passing example in `lint/examples/`, which its tests judge and its page shows.

    Args:
        rule_id: `PDR` and three digits; the first tells the topic.
        name: stable name in kebab case.
        title: what is wrong, in a line.
        severity: see Severity.
        why: what happens in a recovery, with facts and their source.
        looks_at: what exactly is judged, heuristics included.
        remedy: what to change.
        needs_configuration: whether it reads what plans leave out.
        check: yields what is broken or could not be judged.
    """

    rule_id: str
    name: str
    title: str
    severity: Severity
    why: str
    looks_at: str
    remedy: str
    check: Callable[[Subject], Iterable[Observation]]
    needs_configuration: bool = False

    @property
    def page(self) -> str:
        """Path of its page in this repository."""
        return f"docs/reference/lint/{self.rule_id}.md"
