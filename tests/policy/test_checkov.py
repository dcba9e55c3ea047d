"""checkov finds nothing in the stacks but what somebody has accepted, with a reason."""

import re

from policy.planned import Stacks
from policy.scanned import (
    PLANTED,
    AcceptedFailure,
    Failure,
    accepted,
    not_accepted,
    scanned,
    unused,
)

OWNERS = frozenset(
    {
        "database engineer",
        "network engineer",
        "payments engineer",
        "platform engineer",
        "security engineer",
    }
)


def test_every_failure_is_accepted_and_every_acceptance_is_needed(stacks: Stacks) -> None:
    found = scanned(stacks)
    ours = [one for one in found.failures if one.stack != PLANTED]
    assert found.unread == 0
    assert found.passed.keys() == {"terraform_json", "terraform_plan"}
    assert min(found.passed.values()) > 1000
    assert not_accepted(ours, accepted()) == []
    assert unused(ours, accepted()) == []


def test_a_planted_fault_is_found_though_others_of_its_kind_are_accepted(stacks: Stacks) -> None:
    planted = [one for one in scanned(stacks).failures if one.stack == PLANTED]
    found = {(one.check, one.resource) for one in not_accepted(planted, accepted())}
    assert {
        ("CKV_AWS_27", "open"),
        ("CKV2_AWS_6", "open"),
        ("CKV_AWS_232", "network_acls_application-99"),
    } <= found


def test_each_acceptance_has_a_reason_and_a_role_that_answers_for_it() -> None:
    for one in accepted():
        assert re.fullmatch(r"CKV2?_AWS_\d+", one.check)
        assert len(one.reason.split()) > 7, one
        assert one.owner in OWNERS
        assert one.resources.strip("*")


def test_no_function_is_told_anything_that_looks_like_a_secret(stacks: Stacks) -> None:
    """What the acceptance of CKV_AWS_45 relies on."""
    secret = re.compile(
        r"(?<![\w/+=])[\w/+=]{40}(?![\w/+=])|(AKIA|ASIA)[A-Z0-9]{16}|[sr]k_(live|test)_"
    )
    told = [
        (key, value)
        for name in stacks.sites
        for one in stacks.settled[name].resources
        if one["type"] == "aws_lambda_function"
        for key, value in one["values"]["environment"][0]["variables"].items()
    ]
    assert told
    assert [key for key, value in told if secret.search(value)] == []
    assert secret.search('{"api_key": "sk_live_abcdefgh"}')
    assert secret.search("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def test_an_acceptance_that_nothing_needs_is_told() -> None:
    needed = AcceptedFailure(check="CKV_AWS_1", resources="a_*", reason="r", owner="o")
    other = AcceptedFailure(check="CKV_AWS_1", resources="b_*", reason="r", owner="o")
    failures = [Failure(check="CKV_AWS_1", stack="east", resource="a_1")]
    assert unused(failures, [needed, other]) == [other]
    assert not_accepted(failures, [other]) == failures
    assert not_accepted(failures, [needed]) == []
