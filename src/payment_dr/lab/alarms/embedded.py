"""Log lines in CloudWatch's embedded metric format, and the samples that they hold.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from payment_dr.lab.alarms.model import Metric
from payment_dr.lab.alarms.samples import Sample

SECONDS: Final = "Seconds"
_MARK: Final = '"_aws"'


def line(
    namespace: str,
    dimensions: Mapping[str, str],
    values: Mapping[str, Sequence[float]],
    *,
    at_s: float,
) -> str:
    """A line of several values for each metric, without its end; the time in Unix seconds."""
    directive = {
        "Namespace": namespace,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name} for name in values],
    }
    about = {"Timestamp": round(at_s * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": about, **dimensions, **{k: list(v) for k, v in values.items()}})


def samples(text: str, *, stretch: float = 1.0) -> Iterator[Sample]:
    """Samples of a line of any log; none if it is not of this format.

    Args:
        text: the line.
        stretch: what values in seconds are multiplied with, see `collector.Clockwork`.
    """
    if _MARK not in text:
        return
    with suppress(ValueError, KeyError, TypeError):
        document: dict[str, Any] = json.loads(text)
        at_s = document["_aws"]["Timestamp"] / 1000
        for directive in document["_aws"]["CloudWatchMetrics"]:
            yield from _of(directive, document, at_s, stretch)


def _of(
    directive: Mapping[str, Any], document: Mapping[str, Any], at_s: float, stretch: float
) -> Iterator[Sample]:
    """Each metric, once for each set of dimensions."""
    for names in directive["Dimensions"]:
        dimensions = frozenset((name, str(document[name])) for name in names)
        for wanted in directive["Metrics"]:
            metric = Metric(
                namespace=directive["Namespace"], name=wanted["Name"], dimensions=dimensions
            )
            found: float | list[float] = document[wanted["Name"]]
            values = found if isinstance(found, list) else [found]
            factor = stretch if wanted.get("Unit") == SECONDS else 1.0
            for value in values:
                yield Sample(metric=metric, at_s=at_s, value=float(value) * factor)
