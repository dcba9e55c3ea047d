"""What a read may and may not show, case by case."""

from fakes.story import Story
from payment_dr.checks.checker import check_service
from payment_dr.checks.evidence import EventType, Function
from payment_dr.checks.verdict import Verdict


def verdict(story: Story) -> Verdict:
    claims = check_service(story.run.evidence()).claims
    return next(c.verdict for c in claims if c.name == "reads-see-acknowledged")


def test_a_read_beside_a_refund_may_show_either_state() -> None:
    for status in ("captured", "refunded"):
        story = Story()
        story.pay()
        read = story.begin(Function.READ, key="p")
        refund = story.refund(100)
        story.refunded(refund)
        story.shown(read, status)
        assert verdict(story) is Verdict.PASS


def test_a_read_after_a_full_refund_must_show_it() -> None:
    story = Story()
    story.pay()
    story.refunded(story.refund(100))
    story.read("captured")
    assert verdict(story) is Verdict.FAIL


def test_parts_of_a_refund_add_up_and_a_key_counts_once() -> None:
    story = Story()
    story.pay()
    story.refunded(story.refund(50, key="a"))
    story.refunded(story.refund(50, key="a"))
    story.read("captured")
    assert verdict(story) is Verdict.PASS
    story.refunded(story.refund(50, key="b"))
    story.read("refunded")
    assert verdict(story) is Verdict.PASS
    story.read("captured")
    assert verdict(story) is Verdict.FAIL


def test_a_refund_without_an_answer_may_show_or_not() -> None:
    for status in ("captured", "refunded"):
        story = Story()
        story.pay()
        story.end(story.refund(100), EventType.INFO)
        story.read(status)
        assert verdict(story) is Verdict.PASS


def test_a_declined_refund_never_shows() -> None:
    story = Story()
    story.pay()
    story.end(story.refund(100), EventType.FAIL, status="declined", http_status=402)
    story.read("captured")
    assert verdict(story) is Verdict.PASS
    story.read("refunded")
    assert verdict(story) is Verdict.FAIL


def test_a_refund_that_was_refused_for_the_moment_may_still_have_happened_before() -> None:
    story = Story()
    story.pay()
    story.end(story.refund(100), EventType.INFO)
    story.end(story.refund(100), EventType.FAIL, http_status=503)
    story.read("refunded")
    assert verdict(story) is Verdict.PASS


def test_reads_never_go_back() -> None:
    story = Story()
    story.end(story.begin(Function.PAY), EventType.INFO)
    story.read(None)
    story.read("captured")
    assert verdict(story) is Verdict.PASS
    story.read(None)
    assert verdict(story) is Verdict.FAIL


def test_a_read_that_began_before_the_other_ended_may_show_less() -> None:
    story = Story()
    story.end(story.begin(Function.PAY), EventType.INFO)
    early = story.begin(Function.READ, key="p")
    story.read("captured")
    story.shown(early, None)
    assert verdict(story) is Verdict.PASS


def test_a_declined_payment_reads_as_declined() -> None:
    for status, expected in (("declined", Verdict.PASS), ("captured", Verdict.FAIL)):
        story = Story()
        story.pay(status="declined")
        story.read(status)
        assert verdict(story) is expected


def test_an_acknowledged_payment_never_reads_as_declined() -> None:
    story = Story()
    story.pay()
    story.read("declined")
    assert verdict(story) is Verdict.FAIL


def test_an_authorised_payment_may_be_captured_or_voided_by_others() -> None:
    for status in ("authorised", "captured", "voided"):
        story = Story()
        story.pay(status="authorised")
        story.read(status)
        assert verdict(story) is Verdict.PASS


def test_a_read_without_an_answer_and_one_of_an_unknown_payment_say_nothing() -> None:
    story = Story()
    story.pay()
    story.end(story.begin(Function.READ, key="p"), EventType.INFO)
    story.read(None, payment_id="never-heard-of")
    story.end(story.refund(5, payment_id="never-heard-of"), EventType.FAIL, http_status=404)
    assert verdict(story) is Verdict.PASS


def test_a_witness_of_a_payment_without_an_answer_names_no_money() -> None:
    story = Story()
    story.end(story.begin(Function.PAY), EventType.INFO)
    story.read("captured")
    story.read(None)
    claims = check_service(story.run.evidence()).claims
    claim = next(c for c in claims if c.name == "reads-see-acknowledged")
    assert claim.worst is not None
    assert (claim.worst.payment_id, claim.worst.minor_units, claim.worst.currency) == ("p", 0, None)
