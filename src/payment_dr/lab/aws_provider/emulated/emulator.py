"""The emulator as the provider sees it: what can be made there, and how a refusal reads."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from payment_dr.lab.aws_provider.behaviour.cloud import Asked, RefusedError
from payment_dr.lab.aws_provider.emulated import (
    alarms,
    dynamodb,
    functions,
    logs,
    rds,
    route53,
    s3,
    scheduler,
    secrets_manager,
    sns,
    states,
    sts,
)
from payment_dr.lab.aws_provider.emulated.resource import Clients, Job, Types
from payment_dr.lab.aws_provider.wire.values import Object

_Result = TypeVar("_Result")

EMULATED: Final[Types] = {
    **alarms.TYPES,
    **dynamodb.TYPES,
    **functions.TYPES,
    **logs.TYPES,
    **rds.TYPES,
    **route53.TYPES,
    **s3.TYPES,
    **scheduler.TYPES,
    **secrets_manager.TYPES,
    **sns.TYPES,
    **states.TYPES,
}
"""Types that are made for real."""

LOOKED_UP: Final[Mapping[str, Callable[[Job], Object]]] = {
    "aws_caller_identity": sts.caller,
    "aws_route53_zone": route53.find_zone,
    "aws_secretsmanager_secret_version": secrets_manager.read_ephemeral,
}
"""Data sources and ephemeral resources that are looked up there."""

_GONE: Final = frozenset(
    {
        "404",
        "DBClusterNotFoundFault",
        "GlobalClusterNotFoundFault",
        "NoSuchBucket",
        "NoSuchHealthCheck",
        "NoSuchHostedZone",
        "NotFound",
        "NotFoundException",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)
"""Codes with which services say that something does not exist."""

_CREDENTIALS: Final = "lab"
_CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=60,
    retries={"total_max_attempts": 1, "mode": "standard"},
    s3={"addressing_style": "path"},
)


class EmulatorClients:
    """boto3's clients at the emulator's endpoints, each made once."""

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        self._endpoints = endpoints
        self._session: Any = boto3.session.Session(
            aws_access_key_id=_CREDENTIALS, aws_secret_access_key=_CREDENTIALS
        )
        self._made: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()  # sessions are not safe to share while making clients

    def __call__(self, service: str, region: str) -> Any:
        """A client.

        Raises:
            RefusedError: the emulator has no such region.
        """
        if region not in self._endpoints:
            raise RefusedError(f"no endpoint for {region}, only for {', '.join(self._endpoints)}")
        with self._lock:
            if (service, region) not in self._made:
                self._made[service, region] = self._session.client(
                    service,
                    region_name=region,
                    endpoint_url=self._endpoints[region],
                    config=_CONFIG,
                )
            return self._made[service, region]


class Emulator:
    """Makes and reads what `EMULATED` names."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def makes(self, type_name: str) -> bool:
        """See `Cloud.makes`."""
        return type_name in EMULATED

    def create(self, asked: Asked) -> Object:
        """See `Cloud.create`."""
        return self._do(EMULATED[asked.type_name].create, asked)

    def update(self, asked: Asked) -> Object:
        """See `Cloud.update`."""
        return self._do(EMULATED[asked.type_name].update, asked)

    def read(self, asked: Asked) -> Object | None:
        """See `Cloud.read`."""
        return self._if_there(EMULATED[asked.type_name].read, asked)

    def delete(self, asked: Asked) -> None:
        """See `Cloud.delete`."""
        self._if_there(EMULATED[asked.type_name].delete, asked)

    def look_up(self, asked: Asked) -> Object:
        """See `Cloud.look_up`."""
        looked_up = LOOKED_UP.get(asked.type_name)
        return {} if looked_up is None else self._do(looked_up, asked)

    def _if_there(self, what: Callable[[Job], _Result], asked: Asked) -> _Result | None:
        """Do it; None if the resource is gone."""
        try:
            return self._do(what, asked)
        except RefusedError as refusal:
            cause = refusal.__cause__
            if isinstance(cause, ClientError) and _code(cause) in _GONE:
                return None
            raise

    def _do(self, what: Callable[[Job], _Result], asked: Asked) -> _Result:
        try:
            return what(Job(asked=asked, clients=self._clients))
        except (BotoCoreError, ClientError) as error:
            raise RefusedError(str(error)) from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def emulator_at(endpoints: Mapping[str, str]) -> Emulator:
    """The emulator whose regions have these URLs."""
    return Emulator(EmulatorClients(endpoints))
