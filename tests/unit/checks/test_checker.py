"""Counts, losses and the edges of single claims."""

from msgspec.structs import replace

from fakes.evidence import FakeRun
from fakes.story import Story, facts
from fakes.synthetic import clean_run
from payment_dr.checks.checker import CheckResult, check
from payment_dr.checks.evidence import EventType, Function, Given, SourceName
from payment_dr.checks.verdict import Claim, Judgement, Verdict, worst


def claim(result: CheckResult, name: str) -> Claim:
    return next(c for c in result.claims if c.name == name)


def test_the_worst_verdict_wins_and_no_verdict_is_unknown() -> None:
    assert worst([Verdict.PASS, Verdict.UNKNOWN, Verdict.FAIL]) is Verdict.FAIL
    assert worst([Verdict.PASS, Verdict.UNKNOWN]) is Verdict.UNKNOWN
    assert worst([Verdict.PASS]) is Verdict.PASS
    assert worst([]) is Verdict.UNKNOWN


def test_witnesses_are_the_first_the_one_with_most_money_and_the_last() -> None:
    judgement = Judgement("name", "checked", [])
    for payment_id, minor_units in (("a", 1), ("b", 9), ("c", 9), ("d", 2)):
        judgement.violated("text", payment_id=payment_id, minor_units=minor_units)
    found = judgement.claim()
    named = [w.payment_id for w in (found.first, found.worst, found.last) if w is not None]
    assert named == ["a", "b", "d"]
    assert found.violations == 4


def test_the_first_reason_for_doubt_is_kept_and_a_violation_outweighs_it() -> None:
    judgement = Judgement("name", "checked", [])
    judgement.doubt("first")
    judgement.doubt("second")
    assert (judgement.claim().verdict, judgement.claim().reason) == (Verdict.UNKNOWN, "first")
    judgement.violated("text")
    assert (judgement.claim().verdict, judgement.claim().reason) == (Verdict.FAIL, "")


def test_requests_are_counted_by_how_they_ended() -> None:
    story = Story()
    story.pay("a")
    story.pay("b", status="declined")
    story.end(story.begin(Function.PAY, key="c"), EventType.INFO)
    story.begin(Function.PAY, key="d")
    story.read("captured", payment_id="a")
    counts = check(story.run.evidence()).counts
    assert counts.attempted == 4
    assert (counts.acknowledged, counts.refused, counts.indeterminate) == (1, 1, 2)


def test_lost_payments_are_counted_with_their_money_by_currency() -> None:
    run = clean_run(seed=3, operations=100, rate=25, fault=False)
    paid = {e.payment_id for e in run.history if (e.f, e.type) == (Function.PAY, EventType.OK)}
    lost = [p for p in run.payments if p.payment_id in paid][:2]
    run.payments[:] = [p for p in run.payments if p not in lost]
    loss = check(run.evidence()).loss
    expected: dict[str, int] = {}
    for row in lost:
        expected[row.currency] = expected.get(row.currency, 0) + row.amount
    assert loss is not None
    assert loss.payments == 2
    assert loss.minor_units == expected


def test_double_charges_are_those_beyond_the_first_of_each_key() -> None:
    run = clean_run(seed=3, operations=60, rate=25, fault=False)
    charge = next(row for row in run.provider if row.kind == "charge")
    run.provider += [replace(charge, operation_id=f"again-{i}") for i in range(2)]
    doubles = check(run.evidence()).doubles
    assert doubles is not None
    assert doubles.charges == 2
    assert doubles.minor_units == {charge.currency: 2 * charge.amount}


def test_a_charge_that_the_provider_declined_moved_no_money() -> None:
    run = clean_run(seed=3, operations=60, rate=25, fault=False)
    charge = next(row for row in run.provider if row.kind == "charge")
    run.provider.append(replace(charge, operation_id="other", status="requires_payment_method"))
    assert check(run.evidence()).verdict is Verdict.PASS


def test_keys_of_a_history_without_merchants_are_compared_among_all() -> None:
    run = clean_run(seed=3, operations=200, rate=25)
    run.history[:] = [replace(row, merchant="") for row in run.history]
    assert check(run.evidence()).verdict is Verdict.PASS
    charge = next(row for row in run.provider if row.kind == "charge")
    run.provider.append(replace(charge, payment_id="lost", operation_id="lost"))
    result = check(run.evidence())
    assert claim(result, "one-charge-per-idempotency-key").verdict is Verdict.FAIL


def test_the_same_key_of_two_merchants_is_two_keys() -> None:
    story = Story()
    story.pay("a")
    story.pay("b")
    story.run.history[:] = [
        replace(row, key="same", merchant=f"m{place // 2}")
        for place, row in enumerate(story.run.history)
    ]
    result = check(story.run.evidence())
    assert claim(result, "same-key-same-answer").verdict is Verdict.PASS


def test_a_history_that_does_not_say_how_all_ended_is_not_whole() -> None:
    story = Story()
    story.begin(Function.PAY)
    whole = claim(check(story.run.evidence()), "history-is-whole")
    assert whole.verdict is Verdict.UNKNOWN
    assert "1 operations" in whole.reason


def test_a_run_without_a_payment_proves_nothing() -> None:
    result = check(FakeRun(facts=facts()).evidence())
    assert claim(result, "history-is-whole").verdict is Verdict.UNKNOWN
    assert result.verdict is Verdict.UNKNOWN


def test_a_run_that_names_no_surviving_ledger_proves_nothing_about_them() -> None:
    run = clean_run(seed=3, operations=60, rate=25, fault=False)
    run.facts = replace(run.facts, ledger_sites=())
    result = check(run.evidence())
    assert claim(result, "acknowledged-payments-in-ledger").verdict is Verdict.UNKNOWN
    assert claim(result, "postings-balance").verdict is Verdict.UNKNOWN


def test_ledgers_of_a_move_that_could_not_be_read_leave_its_claims_unknown() -> None:
    run = clean_run(seed=3, operations=200, rate=25)
    run.moves[0] = replace(run.moves[0], kind="switchover", old_writer=None)
    result = check(run.evidence())
    for name in ("lost-by-ledger-were-unconfirmed", "planned-move-loses-nothing"):
        assert claim(result, name).verdict is Verdict.UNKNOWN
        assert "move-1" in claim(result, name).reason


def test_a_move_that_was_not_won_is_not_judged() -> None:
    run = clean_run(seed=3, operations=200, rate=25)
    run.moves.append(replace(run.moves[0], winner=False, old_writer=("unknown",), standby=()))
    assert check(run.evidence()).verdict is Verdict.PASS


def test_claims_without_evidence_by_design_are_left_out() -> None:
    run = clean_run(seed=3, operations=60, rate=25, fault=False)
    run.facts = replace(run.facts, standby_back=False)
    run.payments[0] = replace(run.payments[0], unconfirmed=True)
    result = check(run.evidence())
    names = {c.name for c in result.claims}
    assert result.verdict is Verdict.PASS
    assert names.isdisjoint({"nothing-left-unconfirmed", "epochs-rise-one-winner"})


def test_a_void_and_an_authorisation_move_no_money_in_the_ledger() -> None:
    run = clean_run(seed=3, operations=200, rate=25, fault=False)
    place, row = next((i, p) for i, p in enumerate(run.payments) if p.state == "authorised")
    void = replace(
        row.operations[0], operation_id="void", kind="void", idempotency_key="v", amount=0
    )
    run.payments[place] = replace(row, state="voided", operations=(row.operations[0], void))
    charge = next(c for c in run.provider if c.payment_id == row.payment_id)
    run.provider.append(replace(charge, operation_id="void", kind="void"))
    assert check(run.evidence()).verdict is Verdict.PASS


def test_a_pending_operation_is_compared_with_nothing_at_the_provider() -> None:
    run = clean_run(seed=3, operations=60, rate=25, fault=False)
    place, row = next(
        (i, p)
        for i, p in enumerate(run.payments)
        if len(p.operations) == 1 and p.state == "captured"
    )
    pending = replace(row.operations[0], state="pending")
    run.payments[place] = replace(row, operations=(pending,))
    result = check(run.evidence())
    assert claim(result, "provider-agrees").verdict is Verdict.PASS
    assert claim(result, "indeterminate-resolved").verdict is Verdict.FAIL


def test_a_refused_payment_that_was_never_answered_may_be_anything() -> None:
    story = Story()
    story.pay()
    story.end(story.begin(Function.PAY, key="late"), EventType.FAIL, http_status=503)
    result = check(story.run.evidence())
    assert claim(result, "same-key-same-answer").verdict is Verdict.PASS
    assert claim(result, "other-request-same-key-refused").verdict is Verdict.PASS


def test_a_source_in_memory_can_be_read_again() -> None:
    source = Given(name=SourceName.HISTORY, rows=[1, 2])
    assert list(source) == list(source) == [1, 2]


def test_postings_may_be_listed_in_any_order_and_moves_rise() -> None:
    run = clean_run(seed=3, operations=200, rate=25)
    run.ledger.reverse()
    run.moves.append(replace(run.moves[0], move_id="move-2", epoch=3))
    assert check(run.evidence()).verdict is Verdict.PASS
