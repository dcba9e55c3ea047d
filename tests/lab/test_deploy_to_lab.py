"""The real stacks, applied to a lab by the real engine; it then passes a deployment's tests."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.core.errors import PaymentDrError
from payment_dr.functions.environment import environment_from
from payment_dr.infra.deployment import Planned
from payment_dr.infra.engine_events import Diagnosed, Said, Severity
from payment_dr.lab import deploy as module
from payment_dr.lab.deploy import Deployed, LabDeployment
from payment_dr.lab.function_environment import environment_in
from payment_dr.lab.http_call import call_json
from payment_dr.lab.supervisor import Lab

pytestmark = [pytest.mark.lab, pytest.mark.drill, pytest.mark.timeout(600)]

SETTINGS = example("rehearsal")
TESTS = Path(__file__).parents[1] / "deployment"


@dataclass(frozen=True, kw_only=True, slots=True)
class Into:
    """A lab that was deployed into."""

    lab: Lab
    deployed: Deployed
    said: list[str]

    def client(self, service: str) -> Any:
        return self.lab.aws_client(service, "east")

    def tested(self, *chosen: str) -> tuple[int, dict[str, int], str]:
        """Exit code, number of tests by outcome, and output of the tests of a deployment."""
        done = subprocess.run(
            [
                sys.executable,
                *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"),
                *(str(TESTS / name) for name in chosen or ("",)),
            ],
            env={
                **os.environ,
                "PAYMENT_DR_OUTPUTS": str(self.deployed.outputs),
                "PAYMENT_DR_LAB_ENDPOINTS": str(self.deployed.endpoints),
            },
            cwd=TESTS.parents[1],
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        last = done.stdout.splitlines()[-1]
        counts = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", last)}
        return done.returncode, counts, done.stdout


@pytest.fixture(scope="module", name="into")
def fixture_into(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Into]:
    said: list[str] = []
    with Lab(SETTINGS, empty=True) as lab:
        target = tmp_path_factory.mktemp("outputs")
        deployed = LabDeployment(lab.directory, said.append).deploy(target)
        yield Into(lab=lab, deployed=deployed, said=said)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_all_stacks_are_applied_in_their_order_and_both_sites_take_payments(into: Into) -> None:
    assert [done.stack for done in into.deployed.stacks] == ["foundation", "east", "west", "links"]
    assert all(done.changed for done in into.deployed.stacks)
    status = into.lab.status()
    assert status["healthy"] == ["east", "west"]
    assert {"api-east", "tasks-east", "api-west", "tasks-west"} <= status["pids"].keys()
    assert "jobs-east" not in status["pids"]
    assert into.said[0] == "synthesizing"


def test_every_test_of_a_deployment_passes_on_the_lab_and_none_is_skipped(into: Into) -> None:
    code, counts, output = into.tested()
    assert code == 0, output
    assert counts.keys() == {"passed"}, output
    assert counts["passed"] > 100


def test_a_setting_that_is_not_the_deployed_one_is_found(into: Into) -> None:
    """The planted fault: somebody has lengthened the time to live of home's answer by hand."""
    client = into.client("route53")
    zone = json.loads(into.deployed.outputs.read_bytes())["FoundationZoneId"]
    found = client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    (record,) = (each for each in found if each.get("Failover") == "PRIMARY")

    def put(ttl_s: int) -> None:
        change = {"Action": "UPSERT", "ResourceRecordSet": record | {"TTL": ttl_s}}
        client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})

    put(300)
    try:
        code, counts, output = into.tested("test_routing_of_a_deployment.py")
    finally:
        put(record["TTL"])
    assert code == 1
    assert counts["failed"] == 1
    assert "test_the_answer_may_be_kept_as_long_as_the_settings_say" in output


def test_the_lab_runs_what_was_deployed_with_its_own_addresses(into: Into) -> None:
    port = into.lab.addresses.network_control_port
    routing = call_json(port, "GET", "/routing", timeout_s=5)
    assert routing == {"probes": {"interval_s": 10, "threshold": 3}, "ttl_s": 1}
    for site in ("east", "west"):
        variables = environment_in(into.lab.directory, site)
        environment = environment_from(variables)
        assert environment.settings == SETTINGS
        assert environment.evidence_bucket == f"payments-evidence-{site}-lab-123456789012"
        assert environment.ledger.port == into.lab.addresses.postgres_port[site]
        assert variables == into.lab.environment(site)


def test_the_ledger_was_set_up_by_a_user_that_is_no_superuser(into: Into) -> None:
    with into.lab.connect("west") as connection:
        stamp = connection.execute("SELECT epoch, site FROM ledger.stamp").fetchone()
        master = connection.execute(
            "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'payment_master'"
        ).fetchone()
    assert (stamp, master) == ((1, "east"), (False, True))


def test_deploying_again_changes_nothing_and_keeps_keys_and_processes(
    into: Into, tmp_path: Path
) -> None:
    before = into.lab.status()
    again = LabDeployment(into.lab.directory, lambda _: None).deploy(tmp_path)
    assert [done.changed for done in again.stacks] == [False] * 4
    assert again.document["stacks"][0]["stack"] == "foundation"
    after = into.lab.status()
    assert after["merchant_keys"] == before["merchant_keys"]
    assert after["pids"] == before["pids"]
    assert again.outputs.read_bytes() == into.deployed.outputs.read_bytes()


def test_a_site_that_does_not_get_healthy_is_told_with_where_to_look(
    into: Into, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HEALTHY_S", 0.1)
    deployment = LabDeployment(into.lab.directory, lambda _: None)
    into.lab.set_link("east->provider", mode="refuse")
    try:
        until(lambda: into.lab.status()["healthy"] == ["west"])
        with pytest.raises(PaymentDrError, match="not every site is healthy") as caught:
            vars(LabDeployment)["_wait_healthy"](deployment)
    finally:
        into.lab.set_link("east->provider", mode="pass")
        until(lambda: into.lab.status()["healthy"] == ["east", "west"])
    assert str(into.lab.directory) in caught.value.remedy


def test_what_the_engine_says_is_told_only_when_it_went_wrong() -> None:
    said: list[str] = []
    audience = vars(module)["_Audience"](said.append)
    audience.hears(Said(text="reading"))
    audience.hears(Diagnosed(severity=Severity.WARNING, summary="overrides are in effect"))
    assert not said
    audience.hears(Diagnosed(severity=Severity.ERROR, summary="it broke"))
    assert "it broke" in said[0]
    planned: Any = Planned
    assert audience.confirms(planned)
