"""Whole moves in a running lab: by hand, by the watcher, and with the runner killed underway."""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Final

import pytest
import typer
from typer.testing import CliRunner, Result

from fakes.faults import Crash
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.control_table import DynamoControlTable
from payment_dr.adapters.dynamodb import DynamoPaymentsTable
from payment_dr.adapters.evidence_store import S3EvidenceStore
from payment_dr.adapters.settings_file import example
from payment_dr.cli import move
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import FailoverSettings, Settings
from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.functions.environment import environment_from
from payment_dr.functions.recovery_composition import compose_recovery
from payment_dr.functions.state_machine_start import state_machine_arn
from payment_dr.lab.supervisor import Lab
from payment_dr.payments.journal import bookings_of
from payment_dr.recovery.control import MoveKind, Phase
from payment_dr.recovery.documents import MOVE_EVIDENCE
from payment_dr.recovery.moves import MoveRequest
from payment_dr.recovery.ports import Reconciled
from payment_dr.recovery.runner import start

pytestmark = [pytest.mark.lab, pytest.mark.drill]

EAST, WEST = SiteName("east"), SiteName("west")
PATIENCE_S: Final = 30.0


def settings_with(**failover: object) -> Settings:
    settings = example("development")
    changed = settings.failover.model_dump() | {"min_stay_s": 0} | failover
    return settings.model_copy(update={"failover": FailoverSettings.model_validate(changed)})


class Running:
    """A lab with a merchant's key, and what stands in its table and ledgers."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.acknowledged: list[str] = []

    def pay(self, site: SiteName, count: int) -> None:
        """That many captured payments through the site's own address."""
        addresses = self.lab.addresses
        for _ in range(count):
            connection = http.client.HTTPConnection(
                addresses.link_address[site], addresses.api_port, timeout=10
            )
            with closing(connection):
                connection.request(
                    "POST",
                    "/v1/payments",
                    json.dumps({"amount": 1000, "currency": "EUR"}),
                    {
                        "authorization": f"Bearer {self.lab.merchant_keys['merchant-1']}",
                        "content-type": "application/json",
                        "idempotency-key": str(uuid.uuid4()),
                    },
                )
                answer = connection.getresponse()
                body = json.loads(answer.read())
            assert answer.status == 201, body
            self.acknowledged.append(body["payment_id"])

    def control(self, site: SiteName) -> DynamoControlTable:
        client = self.lab.aws_client("dynamodb", site)
        return DynamoControlTable(client, self.lab.settings.resource("table"))

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                if holds():
                    return
            except UnavailableError:
                pass
            threading.Event().wait(0.05)
        raise AssertionError("not in time")

    def until_steady_at(self, site: SiteName, *, seen_from: SiteName) -> None:
        control = self.control(seen_from)

        def steady() -> bool:
            record = control.read()
            return record.active == site and record.phase is Phase.STEADY

        self.until(steady)

    def missing_bookings(self, site: SiteName) -> set[str]:
        """Entries that the payments imply and the site's ledger lacks."""
        table = DynamoPaymentsTable(
            self.lab.aws_client("dynamodb", site),
            self.lab.settings.resource("table"),
            clock=SystemClock(),
            deadline_s=1,
        )
        implied = {
            entry.operation_id
            for record in table.get_many(self.acknowledged)
            for entry in bookings_of(record)
        }
        assert len(implied) == len(self.acknowledged)
        with closing(self.lab.connect(site)) as connection:
            rows = connection.execute("SELECT entry_id::text FROM ledger.journal_entry").fetchall()
        return implied - {row[0] for row in rows}

    def run(self, *arguments: str) -> Result:
        app = typer.Typer()
        move.register(app)
        return CliRunner().invoke(app, [*arguments, "--lab", str(self.lab.directory)])

    def fail_back(self) -> str:
        """Fail back as soon as home is a healthy replica again; returns the move's name."""
        ends: list[Result] = []

        def done() -> bool:
            ends.append(self.run("failback", "--yes", "--json"))
            return ends[-1].exit_code == 0 or "standby-available" not in ends[-1].output

        self.until(done)
        assert ends[-1].exit_code == 0, ends[-1].output
        return str(json.loads(ends[-1].stdout)["move_id"])


@contextmanager
def running(settings: Settings) -> Iterator[Running]:
    with Lab(settings) as lab:
        yield Running(lab)


def test_a_planned_move_there_and_back_by_hand_loses_nothing() -> None:
    with running(settings_with()) as site:
        site.pay(EAST, 5)
        there = site.run("switchover", "--to", "west", "--yes", "--json")
        assert there.exit_code == 0, there.output
        site.until_steady_at(WEST, seen_from=EAST)
        assert not site.missing_bookings(WEST)
        site.pay(EAST, 3)
        site.pay(WEST, 3)
        move_id = site.fail_back()
        assert not site.missing_bookings(EAST)

        shown = json.loads(site.run("status", "--json").stdout)
        assert shown["repair"] is None
        assert shown["answer"] == "east"
        assert shown["control"]["epoch"] == 3
        assert {line["step"] for line in shown["run_log"]} >= {"pause-posting", "drain", "verify"}

        bucket = site.lab.settings.resource("evidence", EAST)
        store = S3EvidenceStore(site.lab.aws_client("s3", EAST), bucket)
        kept = {name: body for found, name, body in store.documents() if found == move_id}
        evidence = MOVE_EVIDENCE.validate_json(kept["move.json"])
        assert evidence.move.kind is MoveKind.FAILBACK
        assert any(name.startswith("reconciliation-") for name in kept)


def test_a_lost_ledger_and_then_a_lost_region_are_taken_over_by_the_other_sites_watcher() -> None:
    with running(settings_with()) as site:
        site.pay(EAST, 5)
        site.lab.kill_database(EAST)
        site.until_steady_at(WEST, seen_from=EAST)
        site.pay(EAST, 2)
        site.until(lambda: not site.missing_bookings(WEST))
        record = site.control(WEST).read()
        assert record.move is not None
        assert record.move.reason.startswith("ledger lost: east reports")

        site.lab.rebuild_database(EAST)
        site.fail_back()
        site.pay(EAST, 5)
        site.lab.kill_site(EAST)
        site.until_steady_at(WEST, seen_from=WEST)
        assert not site.missing_bookings(WEST)
        record = site.control(WEST).read()
        assert record.move is not None
        # Whichever pair of signals is complete first; both are true of a lost region.
        lost = ("site lost: the zone answers west", "ledger lost: the peer's watcher is silent")
        assert record.move.reason.startswith(lost)


class DiesWhileReconciling:
    """A runner whose process ends after promotion, before anything is posted."""

    def reconcile(self, stamp: Stamp) -> Reconciled:
        raise Crash(stamp)


def test_a_move_whose_runner_is_killed_is_brought_to_its_end_by_the_watcher() -> None:
    with running(settings_with(automatic=False)) as site:
        site.pay(EAST, 5)
        site.lab.kill_site(EAST)
        request = MoveRequest(
            move_id="failover-by-hand",
            kind=MoveKind.FAILOVER,
            source=EAST,
            target=WEST,
            by="ada",
            reason="a test",
        )
        environment = environment_from(site.lab.environment(WEST))
        with closing(compose_recovery(environment)) as recovery:
            world = replace(recovery.world, reconciler=DiesWhileReconciling())
            with pytest.raises(Crash):
                start(world, request, site.lab.settings.failover)
        moving = site.control(WEST).read()
        assert (moving.active, moving.phase) == (EAST, Phase.MOVING)

        site.until_steady_at(WEST, seen_from=WEST)
        assert not site.missing_bookings(WEST)
        joined = {line.by for line in site.control(WEST).run_log("failover-by-hand")}
        assert joined == {"ada", "watcher/west"}


def test_a_lost_region_is_taken_over_by_an_execution_of_the_surviving_sites_state_machine() -> None:
    with running(settings_with(orchestrator="state-machine")) as site:
        site.pay(EAST, 5)
        site.lab.kill_site(EAST)
        site.until_steady_at(WEST, seen_from=WEST)
        machines = site.lab.aws_client("stepfunctions", WEST)
        arn = state_machine_arn(site.lab.settings, WEST)

        def succeeded() -> bool:
            found = machines.list_executions(stateMachineArn=arn)["executions"]
            return [each["status"] for each in found] == ["SUCCEEDED"]

        site.until(succeeded)
        site.pay(WEST, 3)
        assert not site.missing_bookings(WEST)
