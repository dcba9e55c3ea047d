"""The function host and the schedule host as real processes."""

import http.client
import signal
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import psutil
import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.lab.addresses import Addresses, accepts, claim_addresses
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.processes import Launcher

pytestmark = pytest.mark.lab

SETTINGS = example("development")
HANDLERS = {"PYTHONPATH": str(Path(__file__).parents[1])}
CPU_US_MAX = 2_000
"""Bound per request on any machine; some 250 us were measured."""


@pytest.fixture(name="place")
def fixture_place() -> Iterator[tuple[Launcher, Addresses]]:
    claim = claim_addresses(SETTINGS, SystemRandom())
    directory = LabDirectory.create()
    directory.write(SETTINGS, claim.addresses)
    launcher = Launcher(directory)
    yield launcher, claim.addresses
    launcher.close()
    directory.remove()
    claim.release()


def test_requests_reach_the_handler_at_little_cost_and_sigterm_ends_it(
    place: tuple[Launcher, Addresses],
) -> None:
    launcher, addresses = place
    host, port = addresses.api_target["east"]
    process = launcher.start_module(
        "api-east",
        "payment_dr.lab.function_host",
        *("--site", "east", "--handler", "fakes.handlers:echo"),
        environment=HANDLERS,
    )
    process.wait_until(lambda: accepts(port), 30)
    connection = http.client.HTTPConnection(host, port, timeout=10)
    before = sum(psutil.Process(process.pid).cpu_times()[:2])
    for number in range(300):
        connection.request("POST", "/v1/payments", f"order {number}")
        answer = connection.getresponse()
        assert answer.read() == f"order {number}".encode()
        assert answer.status == 200
    spent_s = sum(psutil.Process(process.pid).cpu_times()[:2]) - before
    connection.close()
    assert spent_s / 300 * 1e6 < CPU_US_MAX
    process.end()
    assert process.popen.returncode != -signal.SIGKILL


def test_a_schedule_calls_its_handler_and_sigterm_ends_it_promptly(
    place: tuple[Launcher, Addresses],
) -> None:
    launcher, _ = place
    process = launcher.start_module(
        "jobs-east",
        "payment_dr.lab.schedule_host",
        "--schedule=fakes.handlers:failing=0.01",
        environment=HANDLERS,
    )
    process.wait_until(lambda: process.log.read_text().count("does not like") > 2, 30)
    process.end()
    assert process.popen.returncode == 0
