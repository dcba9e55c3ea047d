"""Each claim is shown failing on faults planted for it, and passing without."""

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fakes.planted_faults import PLANTED, Plant
from fakes.synthetic import Mix, clean_run
from payment_dr.checks.checker import check
from payment_dr.checks.evidence import SourceName, SourceState
from payment_dr.checks.verdict import Verdict

BUSY = Mix(duplicates=0.15, key_reuses=0.05, reads=0.15, refunds=0.2, declines=0.1)
"""So that a short run has everything that a fault may need."""


def named(planted: tuple[str, Plant]) -> str:
    return f"{planted[0]}:{planted[1].__name__}"


@pytest.mark.parametrize("planted", PLANTED, ids=named)
def test_a_planted_fault_is_caught_by_the_claim_about_it(planted: tuple[str, Plant]) -> None:
    name, plant = planted
    run = clean_run(seed=7, operations=400, rate=50, mix=BUSY)
    plant(run, random.Random(7))
    result = check(run.evidence())
    claim = next(claim for claim in result.claims if claim.name == name)
    assert claim.verdict is Verdict.FAIL
    assert claim.violations >= 1
    assert claim.first is not None
    assert claim.worst is not None
    assert claim.last is not None
    assert claim.worst.minor_units >= max(claim.first.minor_units, claim.last.minor_units)
    assert result.verdict is Verdict.FAIL


def test_every_claim_has_a_planted_fault() -> None:
    run = clean_run(seed=7, operations=100, rate=50)
    judged = {claim.name for claim in check(run.evidence()).claims}
    assert judged | {"planned-move-loses-nothing"} == {name for name, _ in PLANTED}


@given(seed=st.integers(0, 2**32), operations=st.integers(1, 150), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_clean_run_always_passes(seed: int, operations: int, data: st.DataObject) -> None:
    fault = data.draw(st.booleans())
    run = clean_run(seed=seed, operations=operations, rate=25, mix=BUSY, fault=fault)
    result = check(run.evidence())
    assert [claim for claim in result.claims if claim.verdict is not Verdict.PASS] == []
    assert result.verdict is Verdict.PASS


@given(seed=st.integers(0, 2**32), planted=st.sampled_from(PLANTED))
@settings(max_examples=60, deadline=None)
def test_a_random_fault_in_a_random_run_is_always_caught(
    seed: int, planted: tuple[str, Plant]
) -> None:
    name, plant = planted
    run = clean_run(seed=seed, operations=200, rate=50, mix=BUSY)
    move = run.moves[0]
    assume(set(move.old_writer or ()) - set(move.standby or ()))
    plant(run, random.Random(seed))
    verdicts = {claim.name: claim.verdict for claim in check(run.evidence()).claims}
    assert verdicts[name] is Verdict.FAIL


@pytest.mark.parametrize("state", [SourceState.MISSING, SourceState.TRUNCATED])
@pytest.mark.parametrize("source", SourceName)
def test_no_claim_passes_that_needs_evidence_which_is_not_whole(
    source: SourceName, state: SourceState
) -> None:
    run = clean_run(seed=7, operations=200, rate=50)
    run.states[source] = state
    run.cut(source, keep=0 if state is SourceState.MISSING else 0.5)
    result = check(run.evidence())
    assert result.verdict is Verdict.UNKNOWN
    unknown = [claim for claim in result.claims if claim.verdict is Verdict.UNKNOWN]
    assert unknown
    assert all(f"{source} is {state}" in claim.reason for claim in unknown)
    assert Verdict.FAIL not in {claim.verdict for claim in result.claims}


def test_what_is_proven_wrong_stays_wrong_when_evidence_is_cut() -> None:
    run = clean_run(seed=7, operations=200, rate=50)
    run.payments[3] = replace(run.payments[3], unconfirmed=True)
    run.states[SourceName.PAYMENTS] = SourceState.TRUNCATED
    assert check(run.evidence()).verdict is Verdict.FAIL
