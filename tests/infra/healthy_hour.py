"""A healthy hour of load: a minute of a real lab, recorded once, each second of it an AWS minute.

Made anew by running this file with the directory of a lab's logs, the Unix time at which the minute
begins, and a sentence about the machine and the load:

    python tests/infra/healthy_hour.py LOGS BEGIN ABOUT
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Any, Final

from payment_dr.adapters.settings_file import example
from payment_dr.lab.alarms.collector import Clockwork, lines, stretched, watched
from payment_dr.lab.alarms.definitions import alarms_of_lab
from payment_dr.lab.alarms.model import Metric
from payment_dr.lab.alarms.samples import MINUTE_S, Sample

RECORDED: Final = Path(__file__).parent / "recorded" / "healthy-hour.json"
MINUTES: Final = 60
SETTINGS: Final = example("development")
"""Of the lab that was recorded."""


def record(logs: Path, begun_s: float, about: str) -> str:
    """The recording as JSON, one metric a line."""
    kept = watched(alarms_of_lab(SETTINGS))
    minutes: dict[Metric, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sample in stretched(lines(logs), Clockwork(begun_s=begun_s)):
        minute = int(sample.at_s // MINUTE_S)
        if sample.metric in kept and minute < MINUTES:
            minutes[sample.metric][minute].append(round(sample.value, 1))
    rows = [
        json.dumps(
            {
                "namespace": metric.namespace,
                "name": metric.name,
                "dimensions": dict(sorted(metric.dimensions)),
                # Of each minute, how often which value was measured.
                "minutes": [
                    sorted(Counter(values.get(minute, [])).items()) for minute in range(MINUTES)
                ],
            }
        )
        for metric, values in minutes.items()
    ]
    body = ",\n".join(sorted(rows))
    return f'{{"about": {json.dumps(about)},\n"metrics": [\n{body}\n]}}\n'


@cache
def recorded() -> tuple[Sample, ...]:
    """Every sample of the hour, which begins at 0."""
    document: dict[str, Any] = json.loads(RECORDED.read_text())
    return tuple(_samples(document["metrics"]))


def _samples(metrics: Sequence[dict[str, Any]]) -> Iterator[Sample]:
    for one in metrics:
        metric = Metric(
            namespace=one["namespace"],
            name=one["name"],
            dimensions=frozenset(one["dimensions"].items()),
        )
        for minute, values in enumerate(one["minutes"]):
            for value, count in values:
                sample = Sample(metric=metric, at_s=float(minute * MINUTE_S), value=value)
                yield from repeat(sample, count)


if __name__ == "__main__":
    RECORDED.parent.mkdir(exist_ok=True)
    RECORDED.write_text(record(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]))
