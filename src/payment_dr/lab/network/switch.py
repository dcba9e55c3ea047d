"""The takeover switch: a metric of the other site's region, which the zone's answer follows.

Level-triggered: raised while the newest datapoint of the last seconds is at least 1. A region
that does not answer, and a metric that nobody publishes, mean that it is not raised.

It is read by a bare request and not by boto3, which would take a thread and, four times a second,
the interpreter from the links for some milliseconds.
"""

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from payment_dr.core.errors import UnavailableError
from payment_dr.lab.http_client import HttpPool, Request

NAMESPACE: Final = "PaymentDR"
METRIC: Final = "TakeoverSwitch"

_READ_EVERY_S: Final = 0.25
_TIMEOUT_S: Final = 0.5
_HOLDS_FOR_S: Final = 3
_AHEAD_S: Final = 1


class TakeoverSwitch:
    """Reads the switch to leave `home`.

    Args:
        pool: connections to the AWS endpoint of `region`, the other site's.
        now: Unix time in seconds.
    """

    def __init__(self, pool: HttpPool, *, region: str, home: str, now: Callable[[], float]) -> None:
        self._pool = pool
        self._home = home
        self._now = now
        self._headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "GraniteServiceVersion20100801.GetMetricStatistics",
            # The emulator reads region and service from it, and checks no signature.
            "Authorization": "AWS4-HMAC-SHA256 Credential="
            f"lab/20000101/{region}/monitoring/aws4_request, SignedHeaders=host, Signature=none",
        }

    async def raised(self) -> bool:
        """Whether it is raised now."""
        now = self._now()
        query = {
            "Namespace": NAMESPACE,
            "MetricName": METRIC,
            "Dimensions": [{"Name": "Site", "Value": self._home}],
            "StartTime": now - _HOLDS_FOR_S,
            "EndTime": now + _AHEAD_S,
            "Period": 1,
            "Statistics": ["Maximum"],
        }
        request = Request(
            method="POST", path="/", headers=self._headers, body=json.dumps(query).encode()
        )
        try:
            answer = await self._pool.call(request, _TIMEOUT_S)
        except UnavailableError:
            return False
        if answer.status != HTTPStatus.OK:
            return False
        points: list[dict[str, Any]] = json.loads(answer.body)["Datapoints"]
        newest = max(points, key=lambda point: float(point["Timestamp"]), default=None)
        return newest is not None and float(newest["Maximum"]) >= 1

    async def follow_for_ever(self, report: Callable[[bool], None]) -> None:
        """Read a few times a second and report each reading."""
        while True:
            report(await self.raised())
            await asyncio.sleep(_READ_EVERY_S)
