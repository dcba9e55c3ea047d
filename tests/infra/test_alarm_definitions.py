import re
from pathlib import Path
from typing import Final

import pytest

from infra.synthesized import deployed
from payment_dr.functions.metrics import Metric
from payment_dr.infra.alarm import FIRST, RUNBOOKS, THEN, Alarm, CompositeAlarm, Severity
from payment_dr.infra.alarm_definitions import COMPOSITES, alarms
from payment_dr.infra.alarm_first_steps import FIRST_STEPS
from payment_dr.infra.alarms_of_service import connections_max
from payment_dr.infra.place import places

ROOT: Final = Path(__file__).parents[2]
DEFINED: Final = {
    one.name: one for place in places(deployed()) for one in alarms(place, api_id="api")
}
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


@pytest.mark.parametrize("alarm", EVERY, ids=lambda one: one.name)
def test_what_to_do_is_written_for_whoever_is_woken(alarm: Alarm | CompositeAlarm) -> None:
    page = ROOT / RUNBOOKS / f"{alarm.runbook}.md"
    assert str(page.relative_to(ROOT)) in alarm.description
    text = page.read_text()
    at = [text.index(heading) for heading in HEADINGS]
    assert at == sorted(at)


def test_no_page_is_about_an_alarm_that_is_gone() -> None:
    elsewhere = {"README"}
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
    assert f" {FIRST} {FIRST_STEPS[alarm.runbook]} {THEN} " in alarm.description
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


NO_ALARM: Final = {
    Metric.CONFIRMER_RUNS: "what it does not confirm is seen by its age, at the active site",
    Metric.WEBHOOK_DEAD: "those whom a merchant does not want stay; what is given up has an alarm",
    Metric.READINESS_FAILED: "what blocks has an alarm; what does not is looked at by day",
    Metric.READINESS_ITEM: "each item is a part of the sums that have alarms",
    Metric.BACKUP_RESTORE: "a figure for the report; a restore that hangs has the absence's alarm",
    Metric.BACKUP_NEWEST_AGE: "a figure for the report, which the verdict judges",
}


def test_every_metric_of_ours_has_an_alarm_or_a_reason_why_not() -> None:
    places_of = places(deployed())
    every = [one for place in places_of for one in alarms(place, api_id="api")]
    ours = {one.series.metric for one in every if one.series.namespace == "PaymentDR"}
    assert ours | set(NO_ALARM) == set(Metric)
    assert ours.isdisjoint(NO_ALARM)


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
