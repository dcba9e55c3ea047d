"""HTTP control of the network: `/links[/<name>]`, `/health-checks`, `/answer` and `/routing`."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.http_server import Request, Response
from payment_dr.lab.network.failover import Failover
from payment_dr.lab.network.links import Link, Mode
from payment_dr.lab.network.routing import Routing
from payment_dr.lab.network.zone import Zone

_LINK = "/links/"


class LinkChange(BaseModel):
    """Body of `POST /links/<name>`; what is left out stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode | None = None
    delay_ms: Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)] | None = None


class Control:
    """Answers requests; errors are `{"error": text}`.

    400 for a body that cannot be used, 404 for an unknown path or link, 409 for what failed.
    """

    def __init__(self, links: Mapping[str, Link], failover: Failover, zone: Zone) -> None:
        self._links = links
        self._failover = failover
        self._zone = zone
        self._shown: Mapping[str, Callable[[], object]] = {
            "/links": lambda: [link.view for link in links.values()],
            "/health-checks": lambda: failover.view,
            "/answer": lambda: {"site": failover.answer},
            "/routing": lambda: Routing(probes=failover.probes, ttl_s=zone.ttl_s).model_dump(),
        }

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        match request.method, unquote(request.path):
            case "GET", path if path in self._shown:
                return _answer(self._shown[path]())
            case "POST", "/routing":
                return self._reroute(request.body)
            case "POST", path if path.startswith(_LINK):
                return await self._change(path.removeprefix(_LINK), request.body)
            case _:
                return _error(HTTPStatus.NOT_FOUND, f"there is no {request.method} {request.path}")

    async def _change(self, name: str, body: bytes) -> Response:
        if name not in self._links:
            return _error(HTTPStatus.NOT_FOUND, f"no link {name!r}; there are {[*self._links]}")
        link = self._links[name]
        try:
            change = LinkChange.model_validate_json(body)
            await link.change(change.mode, change.delay_ms)
        except ValidationError as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))
        except PaymentDrError as error:
            return _error(HTTPStatus.CONFLICT, str(error))
        return _answer(link.view)

    def _reroute(self, body: bytes) -> Response:
        try:
            routing = Routing.model_validate_json(body)
        except ValidationError as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))
        self._failover.probes = routing.probes
        self._zone.ttl_s = routing.ttl_s
        return _answer(routing.model_dump())


def _answer(document: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    body = json.dumps(document).encode() + b"\n"
    return Response(status=status, body=body, headers={"content-type": "application/json"})


def _error(status: HTTPStatus, text: str) -> Response:
    return _answer({"error": text}, status)
