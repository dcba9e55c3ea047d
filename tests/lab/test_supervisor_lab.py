"""A whole lab that runs: what it consists of, and the faults that heal again."""

import http.client
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.checks.evidence import PostingRow
from payment_dr.lab.errors import LabError
from payment_dr.lab.http_call import call_json
from payment_dr.lab.supervisor import Lab, default_schedules

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

SETTINGS = example("development")


@pytest.fixture(scope="module", name="lab")
def fixture_lab() -> Iterator[Lab]:
    with Lab(SETTINGS, schedules={}) as lab:
        yield lab


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def health(lab: Lab, site: str) -> int:
    """Status of `/health` as a client sees it; 0 without an answer."""
    host, port = lab.addresses.link_address[site], lab.addresses.api_port
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def test_both_sites_are_healthy_and_everything_runs(lab: Lab) -> None:
    status = call_json(lab.addresses.control_port, "GET", "/status", timeout_s=10)
    assert status["healthy"] == ["east", "west"]
    assert status["ledger"] == {"writer": "east", "alive": ["east", "west"], "stale": []}
    assert status["pids"].keys() == {
        *("guardian", "aws", "network", "provider"),
        *("api-east", "api-west", "jobs-east", "jobs-west", "postgres-east", "postgres-west"),
    }
    assert all(psutil.pid_exists(pid) for pid in status["pids"].values())
    assert {"ledger", "replication", "AWS resources"} < status["start_seconds"].keys()
    assert [health(lab, site) for site in ("east", "west")] == [200, 200]


def test_only_loopback_is_listened_on(lab: Lab) -> None:
    pids = {*lab.status()["pids"].values()}
    listening = [
        connection.laddr.ip
        for pid in pids
        for connection in psutil.Process(pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) > 15
    assert all(ip.startswith("127.") for ip in listening)


def test_the_ledger_is_stamped_and_the_control_record_steady_at_home(lab: Lab) -> None:
    with lab.connect("east") as connection:
        assert connection.execute("SELECT epoch, site FROM ledger.stamp").fetchone() == (1, "east")
    item = lab.aws_client("dynamodb", "west").get_item(
        TableName=SETTINGS.resource("table"), Key={"payment_id": {"S": "control"}}
    )["Item"]
    control = json.loads(item["control"]["S"])
    assert (control["active"], control["epoch"], control["phase"]) == ("east", 1, "steady")


def test_functions_are_told_no_secret(lab: Lab) -> None:
    environment = lab.environment("west")
    assert environment["PAYMENT_DR_SITE"] == "west"
    assert environment["AWS_REGION"] == "us-west-2"
    client = lab.aws_client("secretsmanager", "west")
    secret = client.get_secret_value(SecretId=SETTINGS.resource("ledger"))
    password = json.loads(secret["SecretString"])["password"]
    assert password not in json.dumps(environment)
    assert not any(key in json.dumps(environment) for key in lab.merchant_keys.values())


def test_an_isolated_site_lives_but_is_reached_by_nobody_and_heals(lab: Lab) -> None:
    lab.isolate("west", isolated=True)
    assert health(lab, "west") == 0
    lab.set_link("client->west", mode="pass")
    until(lambda: health(lab, "west") == 503)
    lab.isolate("west", isolated=False)
    until(lambda: health(lab, "west") == 200)


def test_a_link_takes_a_delay(lab: Lab) -> None:
    lab.set_link("client->west", delay_ms=60)
    url = f"http://127.0.0.1:{lab.addresses.network_control_port}/links"
    with urllib.request.urlopen(url, timeout=5) as answer:
        links: list[dict[str, Any]] = json.load(answer)
    assert {link["name"]: link["delay_ms"] for link in links}["client->west"] == 60
    lab.set_link("client->west", delay_ms=0)
    with pytest.raises(LabError, match="404"):
        lab.set_link("client->mars", mode="pass")


def test_a_database_that_crashed_comes_back_as_it_was(lab: Lab) -> None:
    lab.kill_database("west")
    assert lab.status()["ledger"]["alive"] == ["east"]
    lab.start_database("west")
    assert lab.status()["ledger"]["alive"] == ["east", "west"]


def test_a_module_is_started_in_the_lab_and_ended_with_it(lab: Lab) -> None:
    process = lab.start_module("extra", "http.server", "--help")
    assert process.popen.wait(20) == 0
    assert "extra" not in lab.status()["pids"]
    assert lab.directory.is_dir()


def test_a_site_that_is_not_there_is_named(lab: Lab) -> None:
    with pytest.raises(LabError, match="no site 'mars'; there are east, west"):
        lab.kill_site("mars")


def test_a_lab_that_runs_is_not_started_again(lab: Lab) -> None:
    with pytest.raises(LabError, match="started already"):
        lab.start()
    assert health(lab, "east") == 200


def test_it_can_be_asked_to_end(lab: Lab) -> None:
    assert not lab.ended.is_set()
    call_json(lab.addresses.control_port, "POST", "/shutdown", timeout_s=5)
    assert lab.ended.is_set()


def test_before_its_start_a_lab_has_nothing() -> None:
    lab = Lab(SETTINGS)
    assert not lab.merchant_keys
    assert not lab.start_seconds
    with pytest.raises(LabError, match="does not run"):
        lab.status()
    lab.stop()


def test_payment_drs_jobs_run_at_the_interval_of_the_settings() -> None:
    schedules = default_schedules(SETTINGS)
    assert schedules["payment_dr.functions.poster:handler"] == SETTINGS.payments.job_interval_s
    assert len(schedules) == 5


def test_the_lost_site_comes_back_as_a_standby_and_its_old_ledger_shows_what_it_had() -> None:
    with Lab(SETTINGS, schedules={}) as lab:
        pay(lab, "east")
        lab.kill_site("east")
        assert lab.status()["healthy"] == ["west"]
        lab.aws_client("rds", "west").failover_global_cluster(
            GlobalClusterIdentifier=SETTINGS.resource("global"),
            TargetDbClusterIdentifier="arn:aws:rds:us-west-2:000000000000:cluster:"
            + SETTINGS.resource("cluster", "west"),
            AllowDataLoss=True,
        )
        assert lab.status()["ledger"] == {"writer": "west", "alive": ["west"], "stale": ["east"]}
        call_json(lab.addresses.control_port, "POST", "/sites/east/start", timeout_s=60)
        until(lambda: health(lab, "east") == 200)
        ledger = lab.status()["ledger"]
        assert ledger == {"writer": "west", "alive": ["east", "west"], "stale": []}
        postings = lab.old_ledger("east")
        assert [posting.amount for posting in postings] in ([1250, -1250], [-1250, 1250])
        assert all(isinstance(posting, PostingRow) for posting in postings)
        assert {(posting.site, posting.epoch) for posting in postings} == {("east", 1)}
        lab.switchover("east")
        lab.rebuild_database("west")
        assert lab.status()["ledger"]["writer"] == "east"


def pay(lab: Lab, site: str) -> None:
    host, port = lab.addresses.link_address[site], lab.addresses.api_port
    connection = http.client.HTTPConnection(host, port, timeout=10)
    body = {
        "amount": 1250,
        "currency": "EUR",
        "capture": True,
        "payment_method": "pm_card_visa",
    }
    headers = {
        "Authorization": f"Bearer {next(iter(lab.merchant_keys.values()))}",
        "Idempotency-Key": "order-1",
        "Content-Type": "application/json",
    }
    connection.request("POST", "/v1/payments", json.dumps(body), headers)
    answer = connection.getresponse()
    assert answer.status == 201, answer.read()
    connection.close()
    with lab.connect(site) as ledger:
        until(lambda: ledger.execute("SELECT count(*) FROM ledger.posting").fetchone() == (2,))
