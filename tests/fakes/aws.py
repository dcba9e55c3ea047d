"""A cloud in this process, on real ports, with databases that only remember what they were told."""

import json
import random
import threading
from contextlib import ExitStack
from typing import Any

import boto3
from botocore.config import Config

from fakes.loop_thread import LoopThread
from payment_dr.core.settings import LabSettings, Settings
from payment_dr.lab.addresses import Addresses, choose_addresses
from payment_dr.lab.aws.cloud import Cloud, Outage
from payment_dr.lab.aws.invocations import Answer, Invocation
from payment_dr.lab.aws.rds import WriterMove
from payment_dr.lab.aws.regions import RegionState
from payment_dr.lab.aws_resources import create
from payment_dr.lab.http_server import Request, Response
from payment_dr.lab.postgres import LedgerPasswords

EAST, WEST, WITNESS = "us-east-1", "us-west-2", "us-east-2"


class RememberedDatabases:
    def __init__(self) -> None:
        self.moves: list[tuple[WriterMove, str]] = []
        self.refusal: Exception | None = None
        self.go_on = threading.Event()
        self.go_on.set()
        self.asked = threading.Event()

    def move_writer(self, move: WriterMove, site: str) -> None:
        self.asked.set()
        assert self.go_on.wait(10)
        if self.refusal is not None:
            raise self.refusal
        self.moves.append((move, site))


class RememberedFunctions:
    """Functions that answer what they are told to, and otherwise with their event."""

    def __init__(self) -> None:
        self.calls: list[Invocation] = []
        self.answers: dict[str, list[Answer]] = {}

    def invoke(self, invocation: Invocation) -> Answer:
        self.calls.append(invocation)
        planned = self.answers.get(invocation.function_name)
        return planned.pop(0) if planned else Answer(payload=invocation.event)


class CloudUnderTest:
    """A cloud with the resources of a lab. ministack's stores are global: names are unique."""

    def __init__(self, loop: LoopThread, *, majority_delay_ms: float) -> None:
        suffix = "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=12))
        self.settings = Settings.model_validate(
            {
                "environment_suffix": suffix,
                "home": "east",
                "witness_region": WITNESS,
                "sites": [
                    {"name": "east", "region": EAST, "cidr": "10.0.0.0/16"},
                    {"name": "west", "region": WEST, "cidr": "10.1.0.0/16"},
                ],
                "lab": LabSettings(
                    majority_delay_ms=majority_delay_ms, replication_delay_ms=20
                ).model_dump(),
            }
        )
        self.addresses: Addresses = choose_addresses(self.settings, random.Random())
        self.databases = RememberedDatabases()
        self.loop = loop
        self.functions = RememberedFunctions()
        self.cloud = Cloud(
            self.settings,
            dict(self.addresses.aws_port),
            self.databases,
            self.functions.invoke,
        )
        loop.open(*self.cloud.servers.values())
        self._session: Any = boto3.session.Session(
            aws_access_key_id="lab", aws_secret_access_key="lab"
        )
        self._clients = ExitStack()
        self.keys = self.create_resources()
        self.table = self.settings.resource("table")

    def create_resources(self) -> dict[str, str]:
        passwords = LedgerPasswords(owner="owner", admin="admin's", app="app's")
        return create(self.settings, self.addresses, passwords)

    def client(self, service: str, region: str, *, read_timeout: float = 10) -> Any:
        client = self._session.client(
            service,
            region_name=region,
            endpoint_url=f"http://127.0.0.1:{self.addresses.aws_port[region]}",
            config=Config(
                connect_timeout=2,
                read_timeout=read_timeout,
                max_pool_connections=40,
                retries={"total_max_attempts": 1, "mode": "standard"},
                s3={"addressing_style": "path"},
            ),
        )
        self._clients.callback(client.close)
        return client

    def change(self, region: str, state: RegionState, outage: Outage = Outage.REFUSE) -> None:
        self.loop.run(self.cloud.change(region, state, outage))

    def dynamodb(self, region: str, action: str, data: Any) -> Any:
        """A coroutine of one request, without HTTP."""
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        return self.cloud.services.call(region, signed(region, "dynamodb", action, body))

    def close(self) -> None:
        self._clients.close()


def signed(region: str, service: str, action: str, body: bytes) -> Request:
    scope = f"Credential=lab/20260101/{region}/{service}/aws4_request"
    return Request(
        method="POST",
        path="/",
        query="",
        headers={"authorization": f"AWS4-HMAC-SHA256 {scope}", "x-amz-target": f"X.{action}"},
        body=body,
    )


def error_of(response: Response) -> str:
    return str(json.loads(response.body)["__type"])
