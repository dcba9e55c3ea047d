"""Rotating a secret of the ledger: killed anywhere, the same end; never during a move."""

import json
from dataclasses import replace
from typing import Any

import pytest

from fakes.composed import SETTINGS
from fakes.planned_client import PlannedClient
from fakes.rotation import FIRST, SECOND, TOKEN, WEST, Crash, RotationWorld
from payment_dr.adapters.control_table import control_item
from payment_dr.adapters.ledger_users import Login
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.functions import rotation as module
from payment_dr.functions.rotation import Step
from payment_dr.recovery.control import Move, MoveKind, Phase

STEPS = (Step.CREATE, Step.SET, Step.TEST, Step.FINISH)
NO_CRASH = (None, None)
CRASHES = [NO_CRASH, *[(n, None) for n in range(3)], *[(None, n) for n in range(3)]]


def run_all(world: RotationWorld) -> None:
    for step in STEPS:
        world.rotation().run(step)


def end_state(world: RotationWorld) -> Any:
    return (
        world.versions.labels,
        world.versions.contents,
        world.users.passwords,
        world.effects.done,
        world.users.admins,
    )


@pytest.mark.parametrize("begin_again", ["with the first step", "with this step"])
@pytest.mark.parametrize(("before", "after"), CRASHES)
def test_killed_before_or_after_any_effect_a_rotation_comes_to_the_same_end(
    before: int | None, after: int | None, begin_again: str
) -> None:
    world = RotationWorld(before=before, after=after)
    crashed = False
    for step in STEPS:
        try:
            world.rotation().run(step)
        except Crash:
            crashed = True
            for again in STEPS if begin_again == "with the first step" else (step,):
                world.rotation().run(again)
    assert crashed is ((before, after) != NO_CRASH)
    untouched = RotationWorld()
    run_all(untouched)
    assert end_state(world) == end_state(untouched)
    assert world.effects.done == ["put", "password", "current"]
    assert world.versions.labels == {"current": TOKEN, "pending": TOKEN, "previous": "v0"}
    assert world.users.passwords[WEST] == {FIRST: "old", SECOND: "new-1"}


def test_the_user_in_use_keeps_its_password_and_further_fields_of_the_secret_stay() -> None:
    world = RotationWorld()
    world.versions.contents["v0"]["dbname"] = "ledger"
    run_all(world)
    assert world.versions.contents[TOKEN] == {
        "username": SECOND,
        "password": "new-1",
        "dbname": "ledger",
    }
    assert world.users.passwords[SiteName("east")][FIRST] == "old"


def test_the_next_rotation_comes_back_to_the_first_user() -> None:
    world = RotationWorld()
    world.versions.contents["v0"] = {"username": SECOND, "password": "old"}
    run_all(world)
    assert world.versions.contents[TOKEN]["username"] == FIRST


@pytest.mark.parametrize("step", STEPS)
def test_during_a_move_no_step_changes_anything_and_it_may_be_tried_again(step: Step) -> None:
    world = RotationWorld()
    for earlier in STEPS[: STEPS.index(step)]:
        world.rotation().run(earlier)
    done = list(world.effects.done)
    world.phase = Phase.MOVING
    with pytest.raises(UnavailableError, match="no rotation during a move"):
        world.rotation().run(step)
    assert world.effects.done == done
    world.settle()
    for rest in STEPS[STEPS.index(step) :]:
        world.rotation().run(rest)
    assert world.effects.done == ["put", "password", "current"]


def test_the_refusal_names_the_move(monkeypatch: pytest.MonkeyPatch) -> None:
    world = RotationWorld()
    move = Move(
        move_id="failover-1",
        kind=MoveKind.FAILOVER,
        source=SiteName("east"),
        target=WEST,
        step="promote",
        started_by="test",
        started_at=0.0,
        reason="",
        overrides=(),
        approvals=(),
        attempts=1,
    )
    moving = replace(world.control(), phase=Phase.MOVING, move=move)
    monkeypatch.setattr(world, "control", lambda: moving)
    with pytest.raises(UnavailableError, match="failover-1 is unfinished"):
        world.rotation().run(Step.SET)


def test_a_site_that_is_not_the_writer_refuses_and_says_who_is() -> None:
    world = RotationWorld()
    world.active = WEST
    with pytest.raises(PaymentDrError, match="east is not the writer, west is") as caught:
        world.rotation().run(Step.SET)
    assert "stop-replication-to-replica" in caught.value.remedy
    assert not world.effects.done


def test_a_rotation_that_is_finished_says_so_at_every_step_even_during_a_move() -> None:
    world = RotationWorld()
    run_all(world)
    world.phase = Phase.MOVING
    assert {world.rotation().run(step) for step in STEPS} == {"the version is current already"}


def test_a_version_that_is_not_pending_is_refused() -> None:
    world = RotationWorld()
    world.versions.labels["pending"] = "another"
    with pytest.raises(PaymentDrError, match="is not pending"):
        world.rotation().run(Step.CREATE)


def test_a_pending_version_of_the_user_in_use_is_refused() -> None:
    world = RotationWorld()
    world.versions.contents[TOKEN] = {"username": FIRST, "password": "new"}
    with pytest.raises(PaymentDrError, match="which is in use"):
        world.rotation().run(Step.SET)
    assert not world.effects.done


def test_a_user_that_is_none_of_the_pair_is_refused() -> None:
    world = RotationWorld()
    with pytest.raises(PaymentDrError, match="neither payment_admin nor payment_admin_2"):
        world.rotation(("payment_admin", "payment_admin_2")).run(Step.CREATE)


@pytest.mark.parametrize("content", [None, {"username": FIRST}])
def test_a_secret_that_lacks_what_a_login_needs_is_refused(content: dict[str, str] | None) -> None:
    world = RotationWorld()
    if content is None:
        del world.versions.contents["v0"]
    else:
        world.versions.contents["v0"] = content
    with pytest.raises(PaymentDrError, match="lacks username or password"):
        world.rotation().run(Step.CREATE)


@pytest.mark.parametrize("step", [Step.TEST, Step.FINISH])
def test_while_the_standby_lacks_the_new_password_the_secret_does_not_change_hands(
    step: Step,
) -> None:
    world = RotationWorld()
    world.users.replicates = False
    for earlier in (Step.CREATE, Step.SET):
        world.rotation().run(earlier)
    with pytest.raises(UnavailableError, match="standby's ledger does not have the new password"):
        world.rotation().run(step)
    assert world.versions.labels["current"] == "v0"
    world.users.passwords[WEST][SECOND] = "new-1"
    world.rotation().run(Step.FINISH)
    assert world.versions.labels["current"] == TOKEN


def test_a_standby_that_is_lost_does_not_keep_the_survivor_from_rotating() -> None:
    world = RotationWorld()
    world.users.up[WEST] = False
    run_all(world)
    assert world.versions.labels["current"] == TOKEN


def test_a_standby_whose_address_cannot_be_found_is_told() -> None:
    def nowhere(_secret: Any) -> Any:
        raise UnavailableError("no address")

    world = RotationWorld()
    world.standby = nowhere
    for step in (Step.CREATE, Step.SET):
        world.rotation().run(step)
    assert "the standby is not: no address" in world.rotation().run(Step.TEST)


def test_a_password_that_a_failover_lost_is_not_made_current() -> None:
    world = RotationWorld()
    for step in (Step.CREATE, Step.SET, Step.TEST):
        world.rotation().run(step)
    del world.users.passwords[SiteName("east")][SECOND]
    with pytest.raises(UnavailableError, match="does not let payment_app_2 in: REFUSED"):
        world.rotation().run(Step.FINISH)
    run_all(world)
    assert world.effects.done == ["put", "password", "password", "current"]


def test_no_outcome_repeats_a_password() -> None:
    world = RotationWorld()
    said = " ".join(world.rotation().run(step) for step in STEPS)
    assert "new-1" not in said
    assert "old" not in said


class Aws:
    """Clients of Secrets Manager and DynamoDB, for the handler."""

    def __init__(self, name: str = "payments-ledger-dev") -> None:
        self.stored: dict[str, Any] = {}
        self.pending: dict[str, str] | None = None
        stages = {"v0": ["AWSCURRENT"], TOKEN: ["AWSPENDING"]}
        self.described = {"Name": name, "VersionIdsToStages": stages}
        self.dynamodb = PlannedClient({"Item": control_item(RotationWorld().control())})

    def client(self, _environment: Any, service: str, _config: Any) -> Any:
        return self if service == "secretsmanager" else self.dynamodb

    def describe_secret(self, **_request: Any) -> Any:
        return self.described

    def get_secret_value(self, **request: str) -> Any:
        if request.get("VersionId") == TOKEN:
            return {} if self.pending is None else {"SecretString": json.dumps(self.pending)}
        user = "payment_admin" if request["SecretId"] == "payments-ledger-admin-dev" else FIRST
        return {"SecretString": json.dumps({"username": user, "password": "old"})}

    def put_secret_value(self, **request: Any) -> Any:
        self.stored = request
        return {}


class RecordingUsers:
    """Satisfies `Users`."""

    def __init__(self) -> None:
        self.answer = Login.REFUSED
        self.tried: list[LedgerLogin] = []
        self.set_passwords: list[tuple[LedgerLogin, str, str]] = []

    def try_login(self, login: LedgerLogin) -> Login:
        self.tried.append(login)
        return self.answer

    def set_password(self, admin: LedgerLogin, user: str, password: str) -> None:
        self.set_passwords.append((admin, user, password))


@pytest.fixture(name="variables", autouse=True)
def variables_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "PAYMENT_DR_SITE": "east",
        "PAYMENT_DR_SETTINGS": SETTINGS.model_dump_json(),
        "PAYMENT_DR_LEDGER_HOST": "127.0.0.1",
        "PAYMENT_DR_LEDGER_PORT": "1",
        "PAYMENT_DR_PEER_LEDGER_HOST": "127.0.0.1",
        "PAYMENT_DR_PEER_LEDGER_PORT": "2",
    }
    monkeypatch.setattr(module, "environ", variables)
    monkeypatch.setattr(module, "configure_logs", lambda: None)


def event(step: Step) -> dict[str, str]:
    return {
        "SecretId": "arn:aws:secretsmanager:us-east-1:000000000000:secret:payments-ledger-dev-x",
        "ClientRequestToken": TOKEN,
        "Step": step,
    }


def test_the_handler_stores_a_long_password_and_tells_only_the_user(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    aws = Aws()
    monkeypatch.setattr(module, "aws_client", aws.client)
    caplog.set_level("INFO", "payment_dr")
    told = module.handler(event(Step.CREATE), None)
    stored = json.loads(aws.stored["SecretString"])
    assert stored["username"] == SECOND
    assert len(stored["password"]) >= 40
    assert told == {
        "secret": "payments-ledger-dev",
        "step": "createSecret",
        "outcome": "next user is payment_app_2",
    }
    assert stored["password"] not in caplog.text + str(vars(caplog.records[-1]))


def test_the_handler_sets_the_password_as_the_administrator_at_this_sites_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aws, users = Aws(), RecordingUsers()
    aws.pending = {"username": SECOND, "password": "p"}
    monkeypatch.setattr(module, "aws_client", aws.client)
    monkeypatch.setattr(module, "PostgresLedgerUsers", lambda: users)
    module.handler(event(Step.SET), None)
    admin, user, password = users.set_passwords[0]
    assert (admin.user, admin.port, user, password) == ("payment_admin", 1, SECOND, "p")
    users.answer = Login.WORKS
    module.handler(event(Step.TEST), None)
    assert [login.port for login in users.tried] == [1, 1, 2]


def test_the_handler_refuses_a_secret_that_is_no_ledgers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "aws_client", Aws("payments-provider-dev").client)
    with pytest.raises(PaymentDrError, match="does not rotate here"):
        module.handler(event(Step.CREATE), None)
