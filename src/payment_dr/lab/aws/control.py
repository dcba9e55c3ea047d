"""The control port: lose and restore regions, and read what was called."""

import json
from collections.abc import Mapping
from typing import Any

from payment_dr.lab.aws.cloud import Cloud, Outage
from payment_dr.lab.aws.regions import RegionState
from payment_dr.lab.http_server import Request, Response


class Control:
    """Answers `GET /regions`, `POST /regions/<region>` and `GET /calls`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def serve(self, request: Request) -> Response:
        """Answer one request; 400 or 404 says what is accepted."""
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["regions"]:
                return _json(200, self._cloud.regions.states)
            case "GET", ["calls"]:
                return _json(200, self._calls())
            case "POST", ["regions", region]:
                return await self._change(region, request.body)
            case _:
                return _json(404, {"error": "GET /regions, GET /calls, POST /regions/<region>"})

    async def _change(self, region: str, body: bytes) -> Response:
        try:
            wanted: dict[str, str] = json.loads(body)
            state = RegionState(wanted["state"])
            outage = Outage(wanted.get("mode", Outage.REFUSE))
            await self._cloud.change(region, state, outage)
        except (KeyError, TypeError, ValueError) as error:
            accepted = {
                "regions": sorted(self._cloud.regions.states),
                "state": list(RegionState),
                "mode": list(Outage),
            }
            return _json(400, {"error": repr(error), "accepted": accepted})
        return _json(200, self._cloud.regions.states)

    def _calls(self) -> list[dict[str, Any]]:
        return [
            {
                "region": call.region,
                "service": call.service,
                "action": call.action,
                "count": count,
            }
            for call, count in self._cloud.services.calls.items()
        ]


def _json(status: int, value: Mapping[str, Any] | list[dict[str, Any]]) -> Response:
    body = json.dumps(value).encode()
    return Response(status=status, body=body, headers={"content-type": "application/json"})
