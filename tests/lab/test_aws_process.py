"""The AWS endpoints as the process that a lab starts."""

import json
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import LOOPBACK, Addresses, accepts, choose_addresses
from payment_dr.lab.aws.__main__ import serve
from payment_dr.lab.aws_resources import create
from payment_dr.lab.postgres import LedgerPasswords
from payment_dr.lab.stand_in import main

pytestmark = pytest.mark.lab

EAST, WEST = "us-east-1", "us-west-2"
SETTINGS = Settings.model_validate(
    {
        "home": "east",
        "witness_region": "us-east-2",
        "sites": [
            {"name": "east", "region": EAST, "cidr": "10.0.0.0/16"},
            {"name": "west", "region": WEST, "cidr": "10.1.0.0/16"},
        ],
    }
)
THREADS = 8
START_S = 10


class AwsProcess:
    def __init__(self, directory: Path) -> None:
        self.addresses: Addresses = choose_addresses(SETTINGS, random.Random())
        self.addresses.write(directory)
        (directory / "settings.json").write_text(SETTINGS.model_dump_json())
        # pylint: disable-next=consider-using-with; it ends with the fixture
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "payment_dr.lab.aws", "--directory", str(directory)]
        )
        ports = (*self.addresses.aws_port.values(), self.addresses.aws_control_port)
        deadline = time.monotonic() + START_S
        while not all(accepts(port) for port in ports):
            assert self.popen.poll() is None
            assert time.monotonic() < deadline

    def client(self, region: str) -> Any:
        session: Any = boto3.session.Session(aws_access_key_id="lab", aws_secret_access_key="lab")
        return session.client(
            "dynamodb",
            region_name=region,
            endpoint_url=f"http://{LOOPBACK}:{self.addresses.aws_port[region]}",
            config=Config(
                read_timeout=0.5,
                max_pool_connections=THREADS,
                retries={"total_max_attempts": 1, "mode": "standard"},
            ),
        )

    def change(self, region: str, **body: str) -> None:
        url = f"http://{LOOPBACK}:{self.addresses.aws_control_port}/regions/{region}"
        with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=5) as answer:
            assert answer.status == 200


@pytest.fixture(name="aws")
def aws_process(tmp_path: Path) -> Iterator[AwsProcess]:
    process = AwsProcess(tmp_path)
    yield process
    process.popen.send_signal(signal.SIGTERM)
    assert process.popen.wait(5) == 0


def test_nothing_listens_outside_of_loopback(aws: AwsProcess) -> None:
    create(SETTINGS, aws.addresses, LedgerPasswords(owner="o", admin="a", app="p"))
    connections = psutil.Process(aws.popen.pid).net_connections("inet")
    listening = {(c.laddr.ip, c.laddr.port) for c in connections if c.status == "LISTEN"}
    ports = (*aws.addresses.aws_port.values(), aws.addresses.aws_control_port)
    assert listening == {(LOOPBACK, port) for port in ports}
    assert {c.laddr.ip for c in connections} == {LOOPBACK}


def test_writes_stay_exact_while_a_region_fails_under_many_threads(aws: AwsProcess) -> None:
    """Every acknowledged version is the one before plus one, whoever wrote and whatever failed."""
    create(SETTINGS, aws.addresses, LedgerPasswords(owner="o", admin="a", app="p"))
    clients = [aws.client(region) for region in (EAST, WEST)]
    table, key = SETTINGS.resource("table"), {"payment_id": {"S": "p"}}
    clients[0].put_item(TableName=table, Item={**key, "version": {"N": "0"}})

    def write(number: int) -> tuple[int, int]:
        """How many writes were acknowledged, and how many may have taken effect."""
        client, acknowledged, unknown = clients[number % 2], 0, 0
        for _ in range(20):
            try:
                found = client.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
            except (ClientError, HTTPClientError, NoConnectionError):
                continue
            version = int(found["version"]["N"])
            try:
                client.put_item(
                    TableName=table,
                    Item={**key, "version": {"N": str(version + 1)}},
                    ConditionExpression="version = :now",
                    ExpressionAttributeValues={":now": {"N": str(version)}},
                )
                acknowledged += 1
            except ClientError as error:
                unknown += error.response["Error"]["Code"] == "InternalServerError"
            except (HTTPClientError, NoConnectionError):
                unknown += 1
        return acknowledged, unknown

    with ThreadPoolExecutor(THREADS) as pool:
        writers = [pool.submit(write, number) for number in range(THREADS)]
        for body in ({"state": "isolated"}, {"state": "up"}, {"state": "down"}, {"state": "up"}):
            time.sleep(0.05)
            aws.change(WEST, **body)
        ends = [writer.result(60) for writer in writers]
    found = aws.client(WEST).get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    acknowledged = sum(end[0] for end in ends)
    assert acknowledged > 0
    assert 0 <= int(found["version"]["N"]) - acknowledged <= sum(end[1] for end in ends)


def test_a_region_that_is_lost_answers_nothing_until_it_is_back(aws: AwsProcess) -> None:
    client = aws.client(WEST)
    client.list_tables()
    aws.change(WEST, state="down", mode="blackhole")
    with pytest.raises(HTTPClientError):
        client.list_tables()
    aws.change(WEST, state="up")
    client.list_tables()


def test_a_taken_port_ends_the_process_with_an_error(
    aws: AwsProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aws.popen.poll() is None
    assert main(serve, ["--directory", str(tmp_path)]) == 1
    assert "error: " in capsys.readouterr().err
