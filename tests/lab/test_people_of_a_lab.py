"""What `payment-dr policy` allows is what its commands call: each role works with it in a lab.

The lab enforces the policies: what no statement allows is refused, as AWS refuses it. Then nothing
is allowed that nobody called.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import typer
from typer.testing import CliRunner, Result

from fakes.people import Caller
from payment_dr.adapters.settings_file import example
from payment_dr.cli import audit, evidence, move, readiness, watch
from payment_dr.core.settings import FailoverSettings, Settings
from payment_dr.infra.permissions_of_people import Person, person_statements
from payment_dr.lab.supervisor import Lab

pytestmark = [pytest.mark.lab, pytest.mark.drill]

BY_SERVICES: Final = frozenset({"kms:Decrypt", "kms:GenerateDataKey"})
"""What services that encrypt do in somebody's name; the lab encrypts nothing."""

NOT_IN_A_LAB: Final = {
    ("ObserveCertificates", "acm:DescribeCertificate"): "the lab has no certificates",
    ("ObserveAliases", "lambda:GetProvisionedConcurrencyConfig"): "nor warm functions",
}
"""What is allowed and cannot be called here: why."""

NOT_FOR_OBSERVERS: Final = frozenset(
    {
        "secretsmanager:GetSecretValue",  # the ledger's administrator
        "dynamodb:BatchGetItem",  # payments that are not confirmed yet
        "dynamodb:PutItem",  # the audit log, before a move
    }
)
"""What commands of an observer ask for and go on without."""


class People:
    """Somebody of each role at one lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        sees = person_statements(Person.OBSERVER, lab.settings)
        self.of = {
            person: Caller(
                settings=lab.settings,
                statements=sees
                if person is Person.OBSERVER
                else (*sees, *person_statements(person, lab.settings)),
            )
            for person in Person
        }

    def run(self, person: Person, *arguments: str) -> Result:
        app = typer.Typer()
        for module in (move, watch, readiness, evidence, audit):
            module.register(app)
        where = ["--target", "lab", "--lab", str(self.lab.directory)]
        with self.of[person].calling():
            return CliRunner().invoke(app, [*arguments, *where])

    def done(self, person: Person, *arguments: str) -> str:
        end = self.run(person, *arguments)
        assert end.exit_code == 0, end.output
        return end.stdout

    def refused(self, person: Person) -> frozenset[str]:
        """Actions that somebody asked for in vain."""
        return frozenset(call.action for call in self.of[person].refused)

    def unused(self) -> set[tuple[str, str]]:
        """What is allowed to somebody and was of no use to anybody of that role."""
        return {
            (one.sid, action)
            for caller in self.of.values()
            for one in caller.statements
            for action in one.actions
            if not any((one.sid, action) in other.used for other in self.of.values())
        }


def settings() -> Settings:
    found = example("development")
    changed = {
        "min_stay_s": 0,
        "automatic": False,
        "orchestrator": "state-machine",
        "promotion": "approval",
    }
    failover = FailoverSettings.model_validate(found.failover.model_dump() | changed)
    return found.model_copy(update={"failover": failover})


@pytest.fixture(name="people", scope="module")
def people_fixture() -> Iterator[People]:
    with Lab(settings()) as lab:
        yield People(lab)


def test_each_role_works_with_its_policy_and_every_statement_is_of_use(
    people: People, tmp_path: Path
) -> None:
    there = ["--to", "west", "--yes-move-to", "west", "--json"]
    refused = people.run(Person.OBSERVER, "failover", *there)
    assert refused.exit_code != 0
    assert "writing to the audit log" in str(refused.exception)
    seen = json.loads(people.done(Person.OBSERVER, "status", "--json"))
    assert (seen["control"]["active"], seen["control"]["move"]) == ("east", None)
    assert set(seen["ledgers"].values()) == {None}, "a look at a ledger takes its secret"

    people.done(Person.OPERATOR, "switchover", *there)
    home = ["--to", "east", "--yes-move-to", "east", "--json"]
    # Refused while the standby has not caught up; a refused move has changed nothing.
    switched = (people.run(Person.OPERATOR, "switchover", *home, "--here") for _ in range(50))
    assert any(end.exit_code == 0 for end in switched)
    waits = people.run(Person.OPERATOR, "failover", *there, "--here", "--reason", "drill")
    move_id = json.loads(waits.stdout)["move_id"]
    assert "awaits-approval" in waits.stdout
    people.done(Person.APPROVER, "approve", move_id)
    people.done(Person.OPERATOR, "resume", move_id, "--here", "--yes-move-to", "west")

    people.done(Person.OBSERVER, "watch", move_id)
    people.done(Person.OBSERVER, "readiness")
    people.done(Person.OBSERVER, "audit", "--copies")
    people.done(Person.OBSERVER, "evidence", "fetch", str(tmp_path / "copied"))
    people.done(Person.OBSERVER, "evidence", "verify")

    assert people.refused(Person.OBSERVER) == NOT_FOR_OBSERVERS
    assert people.refused(Person.APPROVER) == people.refused(Person.OPERATOR) == frozenset()
    needless = {one for one in people.unused() if one[1] not in BY_SERVICES}
    assert needless == NOT_IN_A_LAB.keys()
