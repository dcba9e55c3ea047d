import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from infra.synthesized import deployed
from payment_dr.functions.metrics import Metric
from payment_dr.infra.alarm import (
    RUNBOOKS,
    Alarm,
    Comparison,
    CompositeAlarm,
    Missing,
    Severity,
)
from payment_dr.infra.alarm_definitions import COMPOSITES, alarms
from payment_dr.infra.alarms_of_service import connections_max
from payment_dr.infra.place import places

ROOT: Final = Path(__file__).parents[2]
DEFINED: Final = {one.name: one for one in alarms(places(deployed())[0], api_id="api")}
EVERY: Final[tuple[Alarm | CompositeAlarm, ...]] = (*DEFINED.values(), *COMPOSITES)
DESCRIPTION_MAX: Final = 1024
DAY_S: Final = 24 * 3600

HEADINGS: Final = (
    "## What it means",
    "## Is it urgent?",
    "## Look here",
    "## Do this",
    "## When to stop",
)

Points = Sequence[float | None]


def raised(alarm: Alarm, points: Points, *, before: bool = False) -> bool:
    """Whether the alarm is raised after these datapoints, newest last; None is none.

    By https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html.
    """
    looked_at = points[-alarm.window.periods :]
    present = [point for point in looked_at if point is not None]
    if not present and alarm.missing is Missing.IGNORE:
        return before
    beyond = sum(
        point > alarm.threshold if alarm.comparison is Comparison.ABOVE else point < alarm.threshold
        for point in present
    )
    if alarm.missing is Missing.BREACHING:
        beyond += alarm.window.periods - len(present)
    return beyond >= alarm.window.datapoints


@pytest.mark.parametrize("alarm", EVERY, ids=lambda one: one.name)
def test_what_to_do_is_written_for_whoever_is_woken(alarm: Alarm | CompositeAlarm) -> None:
    page = ROOT / RUNBOOKS / f"{alarm.runbook}.md"
    assert str(page.relative_to(ROOT)) in alarm.description
    text = page.read_text()
    at = [text.index(heading) for heading in HEADINGS]
    assert at == sorted(at)


def test_no_page_is_about_an_alarm_that_is_gone() -> None:
    elsewhere = {"README", "takeover"}  # the switch's alarm is where its health check is
    pages = {page.stem for page in (ROOT / RUNBOOKS).glob("*.md")}
    assert pages - elsewhere == {alarm.runbook for alarm in EVERY}
    assert elsewhere <= pages


def test_the_index_names_every_alarm_with_its_page_and_whom_it_wakes() -> None:
    index = (ROOT / RUNBOOKS / "README.md").read_text()
    rows = {
        name: (wakes, page)
        for name, wakes, page in re.findall(r"\| `(.+)` \| (.+) \| \[(.+)\]\(.+\.md\) \|", index)
    }
    for alarm in EVERY:
        name = re.sub(r"^(errors|throttles)-.+", r"\1-<function>", alarm.name)
        wakes, page = rows[name]
        assert page == alarm.runbook
        assert alarm.severity in wakes


@pytest.mark.parametrize("alarm", EVERY, ids=lambda one: one.name)
def test_a_description_says_whom_it_concerns_in_one_sentence(
    alarm: Alarm | CompositeAlarm,
) -> None:
    assert alarm.description.startswith(("[page] ", "[ticket] "))
    assert len(alarm.description) <= DESCRIPTION_MAX
    assert alarm.says.endswith(".")
    assert alarm.says.count(". ") == 0


@pytest.mark.parametrize("alarm", DEFINED.values(), ids=lambda one: one.name)
def test_a_window_is_one_that_cloudwatch_takes(alarm: Alarm) -> None:
    window = alarm.window
    longest_s = 7 * DAY_S if window.period_s >= 3600 else DAY_S
    assert window.period_s % 60 == 0
    assert window.period_s * window.periods <= longest_s
    assert 0 < window.datapoints <= window.periods


@pytest.mark.parametrize("alarm", DEFINED.values(), ids=lambda one: one.name)
def test_what_silence_means_is_chosen_and_has_a_reason(alarm: Alarm) -> None:
    assert len(alarm.because) > 20


@pytest.mark.parametrize(
    ("name", "healthy", "ill"),
    [
        ("api-errors", 0.2, 5),
        ("api-latency", 300, 9000),
        ("unconfirmed-count", 6000, 200_000),
        ("unconfirmed-age", 70, 400),
        ("poster-silent", 1, 0),
        ("ledger-rpo-lag", 200, 60_000),
        ("ledger-replication-lag", 200, 60_000),
        ("ledger-progress-lag", 200, 60_000),
        ("ledger-cpu", 40, 95),
        ("ledger-connections", 100, 1700),
        ("proxy-connections", 10, 95),
        ("errors-poster", 0, 1),
        ("errors-rotation", 0, 1),
        ("throttles-api", 0, 3),
        ("dead-letters", 0, 1),
        ("watcher-silent", 6, 0),
        ("peer-lost", 0, 1),
        ("readiness-blocking", 0, 2),
        ("readiness-absent", 1, 0),
        ("readiness-unknown", 0, 1),
        ("certificate-days", 300, 12),
        ("backup-failed", 1, 0),
        ("backup-absent", 1, 0),
    ],
)
def test_an_alarm_is_raised_by_its_fault_and_quiet_in_health(
    name: str, healthy: float, ill: float
) -> None:
    alarm = DEFINED[name]
    long = alarm.window.periods
    assert not raised(alarm, [healthy] * long)
    assert raised(alarm, [ill] * long)
    # It is over by itself, and one bad datapoint among many good ones is none.
    assert not raised(alarm, [ill] * long + [healthy] * long)
    one = [healthy] * (long - 1) + [ill]
    assert raised(alarm, list(one)) is (alarm.window.datapoints == 1)


@pytest.mark.parametrize(
    ("name", "is_raised"),
    [
        ("watcher-silent", True),
        ("poster-silent", True),
        ("readiness-absent", True),
        ("backup-absent", True),
        ("ledger-cpu", True),
        ("api-errors", False),
        ("unconfirmed-age", False),
        ("peer-lost", False),
        ("ledger-rpo-lag", False),
        ("dead-letters", False),
    ],
)
def test_silence_alone_raises_what_watches_for_silence(name: str, *, is_raised: bool) -> None:
    alarm = DEFINED[name]
    silence: Points = [None] * alarm.window.periods
    assert raised(alarm, silence) is is_raised


@pytest.mark.parametrize("name", ["backup-failed", "readiness-blocking", "certificate-days"])
def test_a_verdict_holds_until_the_next_one(name: str) -> None:
    alarm = DEFINED[name]
    silence: Points = [None] * alarm.window.periods
    assert raised(alarm, silence, before=True)
    assert not raised(alarm, silence, before=False)


def test_a_verification_a_day_keeps_the_alarm_of_its_absence_quiet() -> None:
    alarm = DEFINED["backup-absent"]
    daily: Points = [None] * 23 + [1.0] + [None] * 24
    for hour in range(24, len(daily)):
        assert not raised(alarm, daily[:hour])
    assert raised(alarm, [1.0, *[None] * alarm.window.periods])


def test_what_stops_payments_or_moves_wakes_somebody() -> None:
    paged = {one.name for one in EVERY if one.severity is Severity.PAGE}
    assert {
        "api-errors",
        "poster-silent",
        "watcher-silent",
        "unconfirmed-age",
        "site-unhealthy",
        "peer-unhealthy",
        "errors-api",
    } <= paged
    assert {"backup-absent", "certificate-days", "errors-rotation"}.isdisjoint(paged)


def test_every_metric_that_has_an_alarm_is_one_that_a_function_publishes() -> None:
    ours = {one.series.metric for one in DEFINED.values() if one.series.namespace == "PaymentDR"}
    assert ours <= set(Metric)


@pytest.mark.parametrize(
    ("instance_class", "most"),
    [
        ("db.r6g.large", 1802),
        ("db.r6g.xlarge", 3604),
        ("db.r8g.4xlarge", 5000),
        ("db.r99.unheard-of", 1802),
    ],
)
def test_an_instance_takes_as_many_connections_as_aurora_gives_it(
    instance_class: str, most: int
) -> None:
    assert connections_max(instance_class) == most
