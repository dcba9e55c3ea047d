"""Policies of people: what each role adds, and that IAM has room for it."""

import json
from typing import Final

import pytest

from payment_dr.core.settings import Settings
from payment_dr.infra.constructs.policies import PolicyStatement, policy
from payment_dr.infra.permission_parts import UNAVOIDABLE
from payment_dr.infra.permissions_of_people import PURPOSES, Person, person_statements

MANAGED_CHARACTERS_MAX: Final = 6144
"""Of a managed policy, white space aside:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

CHANGES: Final = ("Put", "Update", "Delete", "Create", "Start", "Failover", "Switchover", "Modify")


def actions(found: tuple[PolicyStatement, ...]) -> set[str]:
    return {action for one in found for action in one.actions}


@pytest.fixture(params=Person, name="person")
def made_person(request: pytest.FixtureRequest) -> Person:
    found: Person = request.param
    return found


def test_a_policy_has_room_in_iam_and_its_statements_have_names_of_their_own(
    person: Person, settings: Settings
) -> None:
    found = person_statements(person, settings)
    document = json.loads(policy(*found))
    assert len(json.dumps(document, separators=(",", ":"))) <= MANAGED_CHARACTERS_MAX
    assert len({one.sid for one in found}) == len(found)
    assert PURPOSES[person]


def test_nothing_is_a_wildcard_that_could_be_named(person: Person, settings: Settings) -> None:
    for one in person_statements(person, settings):
        assert not [action for action in one.actions if "*" in action]
        if "*" in one.resources:
            assert set(one.actions) <= UNAVOIDABLE.keys()


def test_both_sites_are_named_for_either_may_be_the_one_that_is_left(
    person: Person, settings: Settings
) -> None:
    for one in person_statements(person, settings):
        regions = {arn.split(":")[3] for arn in one.resources if arn != "*"} - {""}
        peer = {other.sid for other in person_statements(person, settings)}
        assert len(regions) in {0, 2} or f"{one.sid}Peer" in peer or one.sid.endswith("Peer")


def test_an_observer_changes_nothing_and_reads_no_secret(settings: Settings) -> None:
    found = actions(person_statements(Person.OBSERVER, settings))
    assert not [one for one in found if one.split(":")[1].startswith(CHANGES)]
    assert "secretsmanager:GetSecretValue" not in found


def test_an_observer_reads_no_payment(settings: Settings) -> None:
    for one in person_statements(Person.OBSERVER, settings):
        if "dynamodb:GetItem" in one.actions:
            keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "control*"}}
            assert one.conditions == keys


def test_an_approver_neither_promotes_nor_logs_in_anywhere(settings: Settings) -> None:
    found = actions(person_statements(Person.APPROVER, settings))
    assert found == {"dynamodb:PutItem", "s3:PutObject", "kms:GenerateDataKey"}


@pytest.mark.parametrize("person", [Person.APPROVER, Person.OPERATOR])
def test_whoever_writes_the_audit_log_deletes_and_changes_nothing_of_it(
    person: Person, settings: Settings
) -> None:
    found = person_statements(person, settings)
    assert not [action for action in actions(found) if "Delete" in action]
    for one in found:
        if "dynamodb:UpdateItem" in one.actions:
            keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "control#run#*"}}
            assert one.conditions == keys
    assert "s3:BypassGovernanceRetention" not in actions(found)
