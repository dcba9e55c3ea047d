"""HTTP control of the network: `/links`, `/links/<name>`, `/health-checks` and `/answer`."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.http_server import Request, Response
from payment_dr.lab.network.failover import Failover
from payment_dr.lab.network.links import Link, Mode

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

    def __init__(self, links: Mapping[str, Link], failover: Failover) -> None:
        self._links = links
        self._failover = failover

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        match request.method, unquote(request.path):
            case "GET", "/links":
                return _answer([link.view for link in self._links.values()])
            case "GET", "/health-checks":
                return _answer(self._failover.view)
            case "GET", "/answer":
                return _answer({"site": self._failover.answer})
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


def _answer(document: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    body = json.dumps(document).encode() + b"\n"
    return Response(status=status, body=body, headers={"content-type": "application/json"})


def _error(status: HTTPStatus, text: str) -> Response:
    return _answer({"error": text}, status)
