"""An alarm as data: what it watches, when it is raised, what silence means, and what to do then."""

from dataclasses import dataclass
from enum import Enum, StrEnum, unique
from typing import Final

from payment_dr.functions.metrics import DIMENSION, NAMESPACE, Metric
from payment_dr.infra.alarm_first_steps import FIRST_STEPS
from payment_dr.infra.place import Place

RUNBOOKS: Final = "docs/how-to/alarms"
"""Where the pages of alarms are, from the root of the repository."""

FIRST: Final = "First:"
THEN: Final = "Then:"
"""What goes before the first step, and before the page, in every description."""


@unique
class Severity(StrEnum):
    """Whom it concerns, and when."""

    PAGE = "page"
    """Somebody gets up."""
    TICKET = "ticket"
    """The next working day."""


@unique
class Missing(StrEnum):
    """What it means that there is no datapoint; CloudWatch's own words."""

    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"
    IGNORE = "ignore"
    """The alarm stays as it is."""


@unique
class Comparison(StrEnum):
    """When a datapoint counts; CloudWatch's own words."""

    ABOVE = "GreaterThanThreshold"
    BELOW = "LessThanThreshold"


@unique
class Row(Enum):
    """Rows of the dashboard, from what clients feel to what waits for the worst."""

    PAYMENTS = "Payments"
    LEDGER = "Ledger"
    FUNCTIONS = "Functions"
    RECOVERY = "Recovery"


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """A metric and how its datapoints become one: a statistic, or a percentile such as `p99`."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Datapoints of `period_s` each; of the last `periods`, `datapoints` raise an alarm."""

    period_s: int
    periods: int
    datapoints: int


MINUTE_S: Final = 60
HOUR_S: Final = 3600

ON_END: Final = Window(period_s=MINUTE_S, periods=5, datapoints=5)
"""Five minutes on end."""

MOSTLY: Final = Window(period_s=MINUTE_S, periods=5, datapoints=3)
"""Most of five minutes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """One alarm.

    Attributes:
        name: thing in its full name, `payments-<name>-<site>-<suffix>`.
        row: where the dashboard shows it.
        series: what it watches.
        percent_of: if given, it watches 100 x `series` / this.
        window: how much of it has to be beyond the threshold.
        comparison: on which side of the threshold.
        threshold: in the unit of the series, percent with `percent_of`.
        missing: what silence means.
        because: why silence means that.
        severity: whom it concerns.
        says: what it means, one sentence.
        runbook: page of what to do; alarms of a kind share one, and one chart.
    """

    name: str
    row: Row
    series: Series
    percent_of: Series | None = None
    window: Window
    comparison: Comparison
    threshold: float
    missing: Missing
    because: str
    severity: Severity
    says: str
    runbook: str

    @property
    def description(self) -> str:
        """What people read at night."""
        return described(self.severity, self.says, self.runbook)


@dataclass(frozen=True, kw_only=True, slots=True)
class CompositeAlarm:
    """An alarm of alarms: raised while `any_of` is, or all of `all_of` are.

    Both hold names of `Alarm`s; exactly one of them is not empty.
    """

    name: str
    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    severity: Severity
    says: str
    runbook: str

    @property
    def description(self) -> str:
        """What people read at night."""
        return described(self.severity, self.says, self.runbook)

    @property
    def children(self) -> tuple[str, ...]:
        """Names of the alarms that it follows."""
        return (*self.any_of, *self.all_of)

    def rule(self, place: Place) -> str:
        """As CloudWatch writes it, over full names."""
        word = " AND " if self.all_of else " OR "
        return word.join(f'ALARM("{place.name(name)}")' for name in self.children)


def described(severity: Severity, says: str, runbook: str) -> str:
    """An alarm's description: whom it concerns, what it means, what to do first, and its page."""
    return f"[{severity}] {says} {FIRST} {FIRST_STEPS[runbook]} {THEN} {RUNBOOKS}/{runbook}.md"


def own_series(place: Place, metric: Metric, statistic: str) -> Series:
    """A metric that the site's functions publish."""
    return Series(
        namespace=NAMESPACE,
        metric=str(metric),
        dimensions=((DIMENSION, place.site.name),),
        statistic=statistic,
    )
