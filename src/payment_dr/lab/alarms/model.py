"""Alarms as CloudWatch knows them, whoever wrote them down."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class State(StrEnum):
    """States of an alarm; CloudWatch's own words."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@unique
class Missing(StrEnum):
    """What a period without a datapoint counts as; CloudWatch's own words."""

    MISSING = "missing"
    """Nothing: without any datapoint there is insufficient data. The default."""
    IGNORE = "ignore"
    """The alarm stays as it is."""
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


@unique
class Comparison(StrEnum):
    """When a datapoint breaches; CloudWatch's own words."""

    ABOVE = "GreaterThanThreshold"
    AT_LEAST = "GreaterThanOrEqualToThreshold"
    BELOW = "LessThanThreshold"
    AT_MOST = "LessThanOrEqualToThreshold"


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A metric: two with other dimensions have nothing in common, not even a sum.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
    """

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """A metric and how the samples of a period become one: `Sum`, `Maximum`, ..., or `p99`."""

    metric: Metric
    statistic: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Math:
    """An expression over series by their ids."""

    expression: str
    series: Mapping[str, Series]


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricAlarm:
    """An alarm on a series or an expression.

    Attributes:
        name: full name.
        description: what its message says.
        watches: what it watches.
        period_s: length of a datapoint, seconds.
        periods: datapoints looked at; of them `datapoints` raise it.
        ignores_few: whether a percentile of too few samples leaves the state as it is.
    """

    name: str
    description: str
    watches: Series | Math
    period_s: int
    periods: int
    datapoints: int
    comparison: Comparison
    threshold: float
    missing: Missing
    ignores_few: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CompositeAlarm:
    """An alarm that is raised while its rule over other alarms holds."""

    name: str
    description: str
    rule: str


Alarm = MetricAlarm | CompositeAlarm
