"""The provider as the process that a lab starts, killed in the middle of its work."""

import json
import random
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import stripe

from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import LOOPBACK, accepts, choose_addresses
from payment_dr.lab.provider.__main__ import serve
from payment_dr.lab.stand_in import main

pytestmark = pytest.mark.lab

SETTINGS = Settings.model_validate(
    {
        "home": "east",
        "witness_region": "us-east-2",
        "sites": [
            {"name": "east", "region": "us-east-1", "cidr": "10.0.0.0/16"},
            {"name": "west", "region": "us-west-2", "cidr": "10.1.0.0/16"},
        ],
    }
)
START_S = 10
KILLS = 4
CHARGES = 200
THREADS = 4


class ProviderProcess:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        addresses = choose_addresses(SETTINGS, random.Random())
        addresses.write(directory)
        (directory / "settings.json").write_text(SETTINGS.model_dump_json())
        self.port = addresses.provider_port
        self.start()

    def start(self) -> None:
        # pylint: disable-next=consider-using-with; it ends with the fixture
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "payment_dr.lab.provider", "--directory", str(self.directory)]
        )
        deadline = time.monotonic() + START_S
        while not accepts(self.port):
            assert self.popen.poll() is None
            assert time.monotonic() < deadline

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait(5)

    def rows(self) -> list[dict[str, Any]]:
        url = f"http://{LOOPBACK}:{self.port}/_lab/rows"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]


@pytest.fixture(name="provider")
def provider_process(tmp_path: Path) -> Iterator[ProviderProcess]:
    process = ProviderProcess(tmp_path)
    yield process
    process.popen.terminate()
    assert process.popen.wait(5) == 0


def test_killed_again_and_again_it_neither_doubles_nor_loses_a_charge(
    provider: ProviderProcess,
) -> None:
    http: Any = stripe.RequestsClient(timeout=2)
    client = stripe.StripeClient(
        "sk_test_x",
        base_addresses={"api": f"http://{LOOPBACK}:{provider.port}"},
        max_network_retries=0,
        http_client=http,
    )

    def charge(number: int) -> str:
        """Charge under one key until it is answered, as the service does."""
        key = f"operation-{number}"
        for _ in range(500):
            try:
                return client.v1.payment_intents.create(
                    {
                        "amount": number + 1,
                        "currency": "eur",
                        "confirm": True,
                        "payment_method": "pm_card_visa",
                        "metadata": {"operation_id": key},
                    },
                    {"idempotency_key": key},
                ).id
            except (stripe.APIConnectionError, stripe.APIError):
                time.sleep(0.01)
        return "never"

    with ThreadPoolExecutor(THREADS) as pool:
        charges = [pool.submit(charge, number) for number in range(CHARGES)]
        for kill in range(1, KILLS + 1):
            while sum(done.done() for done in charges) < CHARGES * kill // (KILLS + 1):
                time.sleep(0.001)
            provider.kill()
            provider.start()
        references = [done.result(60) for done in charges]
    rows = provider.rows()
    assert Counter(row["operation_id"] for row in rows) == {
        f"operation-{number}": 1 for number in range(CHARGES)
    }
    assert {row["reference"] for row in rows} == set(references)
    http.close()


def test_it_listens_on_loopback_only(provider: ProviderProcess) -> None:
    connections = psutil.Process(provider.popen.pid).net_connections("inet")
    listening = {(c.laddr.ip, c.laddr.port) for c in connections if c.status == "LISTEN"}
    assert listening == {(LOOPBACK, provider.port)}


def test_a_taken_port_ends_the_process_with_an_error(
    provider: ProviderProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(serve, ["--directory", str(provider.directory)]) == 1
    assert "error: " in capsys.readouterr().err
