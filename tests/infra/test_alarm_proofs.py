"""Each synthesized alarm fires for its fault, is quiet in a healthy hour, and over afterwards."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

import pytest

from infra.alarm_page import PAGE, page
from infra.alarm_proofs import Measured, Proof, Silence, metric, proofs
from infra.healthy_hour import MINUTES, SETTINGS, recorded
from infra.synthesized import synthesize_at
from payment_dr.infra.constructs.drill_guard import DrillGuard, DrillGuardProps
from payment_dr.infra.constructs.monitoring import MonitoringProps, SiteMonitoring
from payment_dr.infra.place import Place, places
from payment_dr.lab.alarms.board import Board
from payment_dr.lab.alarms.collector import watched
from payment_dr.lab.alarms.definitions import alarms_of_lab
from payment_dr.lab.alarms.evaluation import EXTRA_PERIODS
from payment_dr.lab.alarms.meter import api_id
from payment_dr.lab.alarms.model import (
    Alarm,
    Comparison,
    MetricAlarm,
    Missing,
    Series,
    State,
)
from payment_dr.lab.alarms.samples import MINUTE_S, Sample, Samples
from payment_dr.lab.alarms.synthesized import alarms_of

SITES: Final[dict[str, Place]] = {place.site.name: place for place in places(SETTINGS)}
FAULT_MINUTES: Final = 30
RANGES: Final = (0, EXTRA_PERIODS, 5)
"""How many periods more CloudWatch looks back it does not say: the proofs hold for any of these."""


@cache
def synthesized(site: str) -> dict[str, Alarm]:
    """The alarms of a site by their full names, as the engine reads them."""
    place = SITES[site]
    props = MonitoringProps(
        place=place,
        api_id=api_id(SETTINGS, site),
        messages_key_arn="arn:aws:kms:us-east-1:123456789012:key/messages",
    )
    stack = synthesize_at(place, lambda scope: SiteMonitoring(scope, "monitoring", props))
    return {alarm.name: alarm for alarm in alarms_of(stack)}


def single(site: str, name: str) -> MetricAlarm:
    alarm = synthesized(site)[SITES[site].name(name)]
    assert isinstance(alarm, MetricAlarm)
    return alarm


def planted(measured: Sequence[Measured], begin: int, end: int) -> Iterator[Sample]:
    """Samples of whole minutes."""
    for one in measured:
        for minute in range(begin, end):
            if minute % one.every_minutes == 0:
                for value in one.values:
                    yield Sample(metric=one.metric, at_s=float(minute * MINUTE_S), value=value)


@cache
def recorded_of(name: str) -> tuple[Sample, ...]:
    """What was recorded of all metrics of that name, of both sites."""
    return tuple(sample for sample in recorded() if sample.metric.name == name)


def healthy(alarm: MetricAlarm, proof: Proof, begin: int, end: int) -> Iterator[Sample]:
    """What is measured in health: as the proof says, or as it was recorded."""
    yield from planted(proof.well, begin, end)
    if not proof.well:
        names = {one.name for one in watched([alarm])}
        for hour in range(begin // MINUTES, end // MINUTES + 1):
            for sample in (one for name in names for one in recorded_of(name)):
                at_s = sample.at_s + hour * MINUTES * MINUTE_S
                if begin * MINUTE_S <= at_s < end * MINUTE_S:
                    yield replace(sample, at_s=at_s)


class Phases:
    """When what happens, in minutes: health, the fault, and what follows it."""

    def __init__(self, alarm: MetricAlarm, proof: Proof, extra: int) -> None:
        period = alarm.period_s // MINUTE_S
        # Long enough for any window, and for a verdict that comes once a day.
        slow = max((one.every_minutes for one in (*proof.well, *proof.ill)), default=1)
        window = max((alarm.periods + extra) * period, slow) + period
        self.fault = -(-max(MINUTES, window) // MINUTES) * MINUTES
        self.after = self.fault + window
        self.end = self.after + max(window, slow) + slow
        self.extra = extra


def state_at(alarm: MetricAlarm, samples: Samples, until: int, extra: int) -> list[State]:
    """The alarm's state after each minute; looked at less often if its periods are hours."""
    board = Board([alarm], extra=extra)
    states: list[State] = []
    often = max(alarm.period_s // MINUTE_S // 4, 1)
    for minute in range(1, until + 1):
        if minute % often == 0:
            board.step(samples, float(minute * MINUTE_S))
        states.append(board.state(alarm.name))
    return states


def complaints(alarm: MetricAlarm, proof: Proof, extra: int = EXTRA_PERIODS) -> list[str]:
    """What is wrong with an alarm by its proof; nothing if it is as it must be."""
    at = Phases(alarm, proof, extra)
    before = list(healthy(alarm, proof, 0, at.fault))
    ill = list(planted(proof.ill, at.fault, at.after))
    after = list(healthy(alarm, proof, at.after, at.end))
    found: list[str] = []
    states = state_at(alarm, Samples([*before, *ill, *after]), at.end, extra)
    if State.ALARM in states[: at.fault]:
        found.append("it is raised in health")
    if State.ALARM not in states[at.fault : at.after]:
        found.append("its fault does not raise it")
    if states[-1] is not State.OK:
        found.append("it is not over when its fault is")
    after_health, after_fault = proof.silence.value
    silent = state_at(alarm, Samples(before), at.after, extra)
    if silent[-1] is not after_health:
        found.append(f"silence after health makes it {silent[-1]}")
    silent = state_at(alarm, Samples([*before, *ill]), at.end, extra)
    if silent[-1] is not after_fault:
        found.append(f"silence after its fault makes it {silent[-1]}")
    return found


CASES: Final = [(site, name) for site in SITES for name in proofs(site)]


@pytest.mark.parametrize(("site", "name"), CASES)
@pytest.mark.parametrize("extra", RANGES)
def test_an_alarm_fires_for_its_fault_alone_and_silence_means_what_it_should(
    site: str, name: str, extra: int
) -> None:
    assert not complaints(single(site, name), proofs(site)[name], extra)


@pytest.mark.parametrize("site", list(SITES))
def test_every_alarm_on_a_metric_has_a_proof_and_no_proof_is_of_nothing(site: str) -> None:
    found = {name for name, one in synthesized(site).items() if isinstance(one, MetricAlarm)}
    assert found == {SITES[site].name(name) for name in proofs(site)}


def test_the_alarms_that_a_lab_evaluates_are_those_that_are_synthesized() -> None:
    every = {name: alarm for site in SITES for name, alarm in synthesized(site).items()}
    assert {alarm.name: alarm for alarm in alarms_of_lab(SETTINGS)} == every


@pytest.mark.parametrize("site", list(SITES))
def test_a_recorded_hour_of_load_raises_nothing_of_what_a_lab_runs(site: str) -> None:
    known = {sample.metric for sample in recorded()}
    alarms = [
        alarm
        for alarm in synthesized(site).values()
        if isinstance(alarm, MetricAlarm) and watched([alarm]) & known
    ]
    assert len(alarms) > 15
    board = Board(alarms)
    changes = board.run(Samples(recorded()), MINUTES * MINUTE_S)
    assert [one.status.alarm.name for one in changes if one.status.state is State.ALARM] == []


def all_at(site: str, faults: Sequence[str]) -> Board:
    """All alarms of a site after an hour of health, and some faults at once for half an hour."""
    samples = Samples(recorded())
    known = proofs(site)
    ill = frozenset(one for name in faults for one in watched([single(site, name)]))
    for proof in known.values():
        for sample in planted(proof.well, 0, MINUTES):
            samples.add(sample)
    for name in faults:
        for sample in planted(known[name].ill, MINUTES, MINUTES + FAULT_MINUTES):
            samples.add(sample)
    for sample in recorded():
        if sample.metric not in ill and sample.at_s < FAULT_MINUTES * MINUTE_S:
            samples.add(replace(sample, at_s=sample.at_s + MINUTES * MINUTE_S))
    board = Board(synthesized(site).values())
    board.run(samples, (MINUTES + FAULT_MINUTES) * MINUTE_S)
    return board


@pytest.mark.parametrize("site", list(SITES))
@pytest.mark.parametrize(
    ("faults", "composite", "state"),
    [
        (["api-errors"], "site-unhealthy", State.ALARM),
        (["api-latency"], "site-unhealthy", State.ALARM),
        (["errors-api"], "site-unhealthy", State.ALARM),
        (["throttles-api"], "site-unhealthy", State.ALARM),
        (["poster-silent"], "site-unhealthy", State.ALARM),
        (["dead-letters"], "site-unhealthy", State.OK),
        (["peer-lost", "watcher-silent"], "peer-unhealthy", State.ALARM),
        (["peer-lost"], "peer-unhealthy", State.OK),
        (["watcher-silent"], "peer-unhealthy", State.OK),
    ],
)
def test_an_alarm_of_alarms_follows_them(
    site: str, faults: list[str], composite: str, state: State
) -> None:
    board = all_at(site, faults)
    for name in faults:
        assert board.state(SITES[site].name(name)) is State.ALARM
    assert board.state(SITES[site].name(composite)) is state


OTHER: Final = {Comparison.ABOVE: Comparison.BELOW, Comparison.BELOW: Comparison.ABOVE}


def mutated(alarm: MetricAlarm, change: str) -> MetricAlarm:
    """The alarm with one thing wrong."""
    if "dimension" in change:
        if isinstance(watches := alarm.watches, Series):
            return replace(alarm, watches=with_dimensions(watches, change))
        series = {name: with_dimensions(one, change) for name, one in watches.series.items()}
        return replace(alarm, watches=replace(watches, series=series))
    match change:
        case "the other comparison":
            return replace(alarm, comparison=OTHER[alarm.comparison])
        case "a threshold out of reach":
            above = alarm.comparison is Comparison.ABOVE
            return replace(alarm, threshold=1e12 if above else -1e12)
        case _:
            return replace(alarm, missing=Missing(change))


def with_dimensions(series: Series, change: str) -> Series:
    dimensions = dict(series.metric.dimensions)
    name = min(dimensions)
    match change:
        case "another value of a dimension":
            dimensions[name] += "-x"
        case "another name of a dimension":
            dimensions[name.lower()] = dimensions.pop(name)
        case "a dimension too much":
            dimensions["Item"] = "x"
        case _:
            del dimensions[name]
    metric_of = replace(series.metric, dimensions=frozenset(dimensions.items()))
    return replace(series, metric=metric_of)


OF_VALUES: Final = ("the other comparison", "a threshold out of reach")
WRONG: Final = (
    "another value of a dimension",
    "another name of a dimension",
    "a dimension too much",
    "a dimension too few",
    *OF_VALUES,
    *Missing,
)


@pytest.mark.parametrize("change", WRONG)
@pytest.mark.parametrize("name", list(proofs("west")))
def test_a_wrong_definition_is_found(name: str, change: str) -> None:
    alarm, proof = single("west", name), proofs("west")[name]
    wrong = mutated(alarm, change)
    # Where silence alone is the fault, no value that is ever measured is on the other side.
    harmless = change in OF_VALUES and not proof.ill
    if wrong != alarm and not harmless:
        assert complaints(wrong, proof)


def test_the_guard_of_a_drill_is_raised_unless_somebody_vouches_each_minute() -> None:
    place: Place = SITES["east"]
    stack = synthesize_at(
        place,
        lambda scope: DrillGuard(scope, "guard", DrillGuardProps(place=place, topic_arn="topic")),
    )
    [alarm] = alarms_of(stack)
    assert isinstance(alarm, MetricAlarm)
    proof = Proof(
        alarm="drill",
        fault="nobody vouches for it",
        how=proofs("east")["poster-silent"].how,
        silence=Silence.RAISES,
        well=(Measured(metric=metric("east", "PaymentDR", "DrillHeartbeat"), values=(1, 1)),),
    )
    for extra in RANGES:
        assert not complaints(alarm, proof, extra)
    assert complaints(mutated(alarm, "another value of a dimension"), proof)


def test_the_page_says_what_the_proofs_are() -> None:
    assert PAGE.read_text() == page(), "run: PYTHONPATH=tests .venv/bin/python -m infra.alarm_page"
