"""Sums that a deployment has to keep, each shown and each able to fail."""

from typing import Any

import pytest

from infra.synthesized import deployed
from payment_dr.core.settings import Orchestrator, Settings
from payment_dr.functions.catalogue import function
from payment_dr.infra import budget
from payment_dr.infra.budget import Budget, budgets, problems


def changed(settings: Settings, part: str, **values: Any) -> Settings:
    """The settings with some of one part replaced, unchecked: what the checks are shown."""
    return settings.model_copy(
        update={part: getattr(settings, part).model_copy(update=dict(values))}
    )


def stepped(**values: float) -> Settings:
    """The production example with other budgets of steps."""
    failover = deployed().failover
    return changed(deployed(), "failover", budgets=failover.budgets.model_copy(update=dict(values)))


def only(found: list[str]) -> str:
    """The one line found."""
    assert len(found) == 1, found
    return found[0]


def test_the_production_example_keeps_every_promise(settings: Settings) -> None:
    assert problems(settings) == []


def test_each_budget_shows_its_sum_and_its_limit(settings: Settings) -> None:
    assert [one.line for one in budgets(settings)] == [
        (
            "clients find the other site: probes 10 s x 3 + TTL 10 s = 40 s <= 60 s "
            "(objectives.acceptance_rto_s)"
        ),
        (
            "the takeover switch turns the answer: probes 10 s x 3 + TTL 10 s = 40 s <= 60 s "
            "(failover.budgets.route_s)"
        ),
        (
            "the ledger opens at the other site: probes 30 s + steps 800 s = 830 s <= 900 s "
            "(objectives.ledger_rto_s)"
        ),
        (
            "one call of a step of a move: slice 60 s + grace 60 s = 120 s <= 840 s "
            "(timeout of the function recovery)"
        ),
        (
            "the next watcher starts before this one ends: 60 s < 75 s "
            "(timeout of the function watcher)"
        ),
        (
            "a request is answered before its function is ended: 10 s < 29 s "
            "(timeout of the function api)"
        ),
        "the function ends before API Gateway gives up: 29 s < 30 s (API Gateway)",
        "a request ends before another takes its payment over: 10 s < 15 s (payments.lease_s)",
    ]


def test_probes_that_are_too_slow_are_named() -> None:
    assert problems(changed(deployed(), "probes", interval_s=30)) == [
        (
            "clients find the other site: probes 30 s x 3 + TTL 10 s = 100 s is too long for 60 s "
            "(objectives.acceptance_rto_s)"
        ),
        (
            "the takeover switch turns the answer: probes 30 s x 3 + TTL 10 s = 100 s is too long "
            "for 60 s (failover.budgets.route_s)"
        ),
    ]


def test_a_switch_that_is_too_slow_for_its_step_is_named() -> None:
    line = only(problems(stepped(route_s=39)))
    assert line.endswith("= 40 s is too long for 39 s (failover.budgets.route_s)")


def test_steps_that_exceed_the_objective_are_named() -> None:
    line = only(problems(stepped(promote_s=600)))
    assert "probes 30 s + steps 920 s = 950 s is too long for 900 s" in line


def test_a_whole_move_does_not_fit_into_one_call_of_the_watcher() -> None:
    settings = changed(deployed(), "failover", orchestrator=Orchestrator.WATCHER)
    line = only(problems(settings))
    assert line == (
        "a move inside one call of the watcher, for want of a state machine: steps 800 s is too "
        "long for 75 s (timeout of the function watcher)"
    )


def test_a_request_that_outlives_its_function_or_its_lease_is_named() -> None:
    found = problems(changed(deployed(), "payments", request_deadline_s=29, lease_s=29))
    assert [line.split(":")[0] for line in found] == [
        "a request is answered before its function is ended",
        "a request ends before another takes its payment over",
    ]


def test_a_function_too_short_for_one_slice_of_a_step_is_named(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    shorter = {"recovery": 100, "watcher": 60, "api": 30}

    def short(name: str) -> Any:
        known = function(name)
        return type("Short", (), {"timeout_s": shorter.get(name, known.timeout_s)})

    monkeypatch.setattr(budget, "function", short)
    assert [line.split(":")[0] for line in problems(settings)] == [
        "one call of a step of a move",
        "the next watcher starts before this one ends",
        "the function ends before API Gateway gives up",
    ]


@pytest.mark.parametrize(("total_s", "met"), [(9, True), (10, False), (11, False)])
def test_what_must_stay_below_a_limit_does_not_reach_it(total_s: float, *, met: bool) -> None:
    one = Budget(what="it", parts="x", total_s=total_s, limit_s=10, limit="y", below=True)
    assert one.is_met is met


def test_other_limits_may_be_reached() -> None:
    assert Budget(what="it", parts="x", total_s=10, limit_s=10, limit="y").is_met
