"""One region's endpoint: who is called, by which credentials, and what was called so far."""

import gzip
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs

from payment_dr.lab.aws.answers import json_error
from payment_dr.lab.aws.dynamodb import DynamoDb
from payment_dr.lab.aws.emulator import GLOBAL_SERVICES, PLAIN_SERVICES, Emulator
from payment_dr.lab.aws.rds import Rds
from payment_dr.lab.http_server import Request, Response

_SCOPE: Final = re.compile(r"Credential=[^/]+/[0-9]{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")

_QUERY_SERVICES: Final = frozenset({"rds", "sns", "sts"})
"""Services whose action is in the body; others name it in a header, or are called by paths."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What one request was for."""

    region: str
    service: str
    action: str


class Services:
    """All services of all regions; `calls` counts what each region's endpoint was asked."""

    def __init__(self, emulator: Emulator, dynamodb: DynamoDb, rds: Rds) -> None:
        self.calls: Counter[Call] = Counter()
        self._emulator = emulator
        self._dynamodb = dynamodb
        self._rds = rds

    async def call(self, region: str, request: Request) -> Response:
        """Answer a request that came to a region's endpoint."""
        scope = _SCOPE.search(request.headers.get("authorization", ""))
        if scope is None:
            return json_error("MissingAuthenticationToken", "sign the request (SigV4)", 403)
        signed_for, service = scope.groups()
        action = _action(service, request)
        self.calls[Call(region=region, service=service, action=action)] += 1
        if signed_for != region and service not in GLOBAL_SERVICES:
            message = f"Credential should be scoped to a valid region, not {signed_for!r}."
            return json_error("InvalidSignatureException", message, 403)
        return await self._serve(region, service, action, request)

    async def _serve(self, region: str, service: str, action: str, request: Request) -> Response:
        if service == "dynamodb":
            return await self._dynamodb.call(region, action, request)
        if service == "rds":
            return await self._rds.call(region, action, request)
        if service not in PLAIN_SERVICES:
            return json_error("UnknownServiceException", f"{service} is not offered by the lab")
        if service == "monitoring" and request.headers.get("content-encoding") == "gzip":
            request = replace(request, body=gzip.decompress(request.body))
        return await self._emulator.plain(service, region, request)


def _action(service: str, request: Request) -> str:
    target = request.headers.get("x-amz-target")
    if target is not None:
        return target.rpartition(".")[2]
    if service in _QUERY_SERVICES:
        return parse_qs(request.body.decode()).get("Action", [""])[0]
    if service != "s3":
        return f"{request.method} {request.path}"
    depth = request.path.strip("/").count("/")
    return f"{request.method} {'object' if depth else 'bucket'}"
