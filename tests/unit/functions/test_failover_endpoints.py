"""On AWS nothing in the path of a failover asks the failed region or a global control plane.

Every port of the surviving site is called over the real clients; no name has an address here, so
what is recorded is whom they would have asked.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from fakes.composed import SETTINGS
from fakes.endpoints import Called, forbidden, recorded
from fakes.recovery_world import EAST, WEST, to_west
from payment_dr.adapters.aws_calls import aws_errors, tight
from payment_dr.cli.auditing import Intent, audited
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.functions.composition import aws_client
from payment_dr.functions.desk import Desk, compose_desk
from payment_dr.functions.environment import Address, Environment
from payment_dr.functions.recovery_composition import compose_recovery
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.execution import MachineInput
from payment_dr.recovery.ports import Transition, TransitionEvent, World

STAMP = Stamp(epoch=Epoch(2), site=WEST)
LINE = Transition(
    move_id="m1", step="route", event=TransitionEvent.BEGAN, detail="", by="ada", at=1.0
)
ENVIRONMENT = Environment(
    site=WEST,
    settings=SETTINGS,
    aws=None,
    ledger=Address(host="ledger.us-west-2.rds.amazonaws.com", port=5432),
    peer_ledger=None,
    provider_url=None,
    peer_health_url="https://east.api.payments.example/health",
    own_url="https://west.api.payments.example",
    dns=Address(host="127.0.0.1", port=1),
    evidence_bucket="payments-evidence-west-dev",
)


@pytest.fixture(name="world")
def world_fixture(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with closing(compose_recovery(ENVIRONMENT)) as recovery:
        yield recovery.world


def each(world: World) -> dict[str, Callable[[], object]]:
    """Every call that a step of a failover to west makes."""
    ledgers, evidence, clusters = world.ledgers, world.evidence, world.clusters
    return {
        "control.read": world.control.read,
        "control.log": lambda: world.control.log((LINE,)),
        "control.run_log": lambda: world.control.run_log("m1"),
        "clusters.describe": clusters.describe,
        "clusters.failover": lambda: clusters.failover(WEST),
        "ledgers.view": lambda: ledgers.view(WEST),
        "ledgers.stamp": lambda: ledgers.stamp(WEST, STAMP),
        "routing.answer": world.routing.answer,
        "routing.healthy": lambda: world.routing.healthy(WEST),
        "reconciler": lambda: world.reconciler.reconcile(STAMP),
        "canary.send": lambda: world.canary.send("m1"),
        "canary.passed": lambda: world.canary.passed("m1"),
        "evidence.put": lambda: evidence.put("m1", "move.json", "{}"),
        "evidence.has": lambda: evidence.has("m1", "move.json"),
        "evidence.documents_of": lambda: evidence.documents_of("m1"),
        "evidence.last_report": evidence.last_report,
        "evidence.file_report": lambda: evidence.file_report(1, "{}"),
    }


def names_called(act: Callable[[], object]) -> Called:
    with recorded(offline=True) as called, suppress(UnavailableError):
        act()
    return called


def test_no_port_of_a_failover_asks_the_failed_region_or_a_control_plane(world: World) -> None:
    asked: set[str] = set()
    for name, act in each(world).items():
        called = names_called(act)
        assert called.names or called.addresses or name == "routing.answer", f"{name} asks nobody"
        asked.update(called.names)
    bad = [host for host in asked if forbidden(host, lost_region="us-east-1")]
    assert not bad
    assert {host for host in asked if host.endswith("amazonaws.com")} == {
        "dynamodb.us-west-2.amazonaws.com",
        "payments-evidence-west-dev.s3.us-west-2.amazonaws.com",
        "rds.us-west-2.amazonaws.com",
        "secretsmanager.us-west-2.amazonaws.com",
    }


def by_hand(desk: Desk, world: World) -> dict[str, Callable[[], object]]:
    """What the command does beside the steps."""

    def write() -> None:
        intent = Intent(command="failover", site=WEST, move_id="m1")
        with audited(desk, world.clock, intent):
            raise AssertionError("the log does not answer")

    return {
        "audit": write,
        "copies": lambda: desk.copies.copy_of_audit(1, "{}"),
        "start": lambda: desk.machine.start("m1", MachineInput(move=to_west(MoveKind.FAILOVER))),
        "watch": lambda: desk.machine.execution("m1"),
    }


def test_the_command_too_stays_in_the_surviving_region(world: World) -> None:
    desk = compose_desk(ENVIRONMENT, replace(ENVIRONMENT, site=EAST))
    asked: set[str] = set()
    for name, act in by_hand(desk, world).items():
        called = names_called(act)
        assert called.names, f"{name} asks nobody"
        asked.update(called.names)
    assert not [host for host in asked if forbidden(host, lost_region="us-east-1")]
    assert "sts.us-west-2.amazonaws.com" in asked
    assert "states.us-west-2.amazonaws.com" in asked


def planted(environment: Environment, service: str, call: str) -> Callable[[], object]:
    def act() -> None:
        with aws_errors(service, writes=False):
            getattr(aws_client(environment, service, tight(1.0)), call)()

    return act


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("service", "call", "site"),
    [
        ("route53", "list_hosted_zones", WEST),
        ("iam", "list_roles", WEST),
        ("cloudfront", "list_distributions", WEST),
        ("dynamodb", "list_tables", EAST),
        ("s3", "list_buckets", EAST),
        ("rds", "describe_global_clusters", EAST),
    ],
)
def test_a_planted_call_is_found(service: str, call: str, site: SiteName) -> None:
    there = replace(ENVIRONMENT, site=site)
    called = names_called(planted(there, service, call))
    assert [host for host in called.names if forbidden(host, lost_region="us-east-1")]


def test_a_planted_question_to_the_lost_sites_ledger_is_found(world: World) -> None:
    called = names_called(lambda: world.ledgers.view(EAST))
    assert [host for host in called.names if forbidden(host, lost_region="us-east-1")]


def test_the_lost_region_is_forbidden_wherever_it_is() -> None:
    assert forbidden("rds.eu-west-1.amazonaws.com", lost_region="eu-west-1")
    assert not forbidden("rds.eu-west-2.amazonaws.com", lost_region="eu-west-1")
