"""Which hosts a process talks to, at the level of its sockets, and which of them are forbidden.

Python's own sockets are seen (botocore, HTTP, DNS), and libpq's through the connections that
psycopg is asked to make.
"""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import pytest

GLOBAL_PLANES: Final = (
    "route53.amazonaws.com",
    "iam.amazonaws.com",
    "cloudfront.amazonaws.com",
    "sts.amazonaws.com",
    "s3.amazonaws.com",
    "organizations.us-east-1.amazonaws.com",
    "globalaccelerator.us-west-2.amazonaws.com",
    "arc-region-switch.us-east-1.amazonaws.com",
)
"""Control planes of no region, all of them in us-east-1 or us-west-2, and S3's old global name."""


def forbidden(host: str, *, lost_region: str) -> bool:
    """Whether a failover away from a region may not ask this host.

    us-east-1 has the control planes of Route 53, IAM and CloudFront, so it counts as lost too.
    """
    if host in GLOBAL_PLANES or host.endswith((".cloudfront.net", ".route53.amazonaws.com")):
        return True
    return any(region in re.split(r"[./]", host) for region in (lost_region, "us-east-1"))


class Called:
    """Names that were resolved, and addresses that were connected to or sent to."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.addresses: list[tuple[str, int]] = []

    def note(self, address: object) -> None:
        if isinstance(address, tuple):
            host, port = address[:2]
            self.addresses.append((str(host), int(port)))


@contextmanager
def recorded(*, offline: bool = False) -> Iterator[Called]:
    """Everything that this process calls meanwhile; offline, no name has an address."""
    called = Called()
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **options: Any) -> Any:
        called.names.append(host.decode() if isinstance(host, bytes) else str(host))
        if offline:
            raise socket.gaierror(socket.EAI_NONAME, "offline")
        return resolve(host, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _noting(getattr(socket.socket, name), called))
        patch.setattr(socket.socket, "sendto", _noting(socket.socket.sendto, called))
        patch.setattr(psycopg.Connection, "connect", classmethod(_libpq(called)))
        yield called


def _noting(original: Callable[..., Any], called: Called) -> Callable[..., Any]:
    def act(self: socket.socket, *arguments: Any) -> Any:
        called.note(arguments[-1])
        return original(self, *arguments)

    return act


def _libpq(called: Called) -> Callable[..., Any]:
    # The function below the class method, so that subclasses make what they are.
    original: Any = vars(psycopg.Connection)["connect"].__func__

    def connect(cls: type, conninfo: str = "", **options: Any) -> Any:
        parameters = psycopg.conninfo.conninfo_to_dict(
            conninfo, **{name: options[name] for name in ("host", "port") if name in options}
        )
        for host in str(parameters.get("host", "")).split(","):
            called.note((host, int(parameters.get("port") or 5432)))
        return original(cls, conninfo, **options)

    return connect
