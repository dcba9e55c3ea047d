"""The provider's webhooks: told of each change, when asked to, signed as Stripe signs them."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from payment_dr.core.errors import UnavailableError
from payment_dr.lab.http_client import HttpPool, Request
from payment_dr.lab.provider.answers import Json

_TYPES: Final = {
    ("payment_intent", "succeeded"): "payment_intent.succeeded",
    ("payment_intent", "requires_capture"): "payment_intent.amount_capturable_updated",
    ("payment_intent", "requires_payment_method"): "payment_intent.payment_failed",
    ("payment_intent", "canceled"): "payment_intent.canceled",
    ("refund", "succeeded"): "refund.created",
}
_TIMEOUT_S: Final = 10.0
_IDLE_S: Final = 4.0
_COPIES_MAX: Final = 5
_HTTP_PORT: Final = 80


class WebhookTarget(BaseModel):
    """Where changes are told; each is told `copies` times, as a provider that repeats itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^http://127\.")
    secret: str = Field(min_length=1)
    copies: int = Field(default=1, ge=1, le=_COPIES_MAX)


def event_of(body: Json) -> Json | None:
    """The event of an answer to a change; None if it changed nothing."""
    changed = body.get("error", {}).get("payment_intent", body)
    kind = _TYPES.get((changed.get("object"), changed.get("status")))
    if kind is None:
        return None
    return {
        "id": f"evt_{uuid.uuid4().hex[:24]}",
        "object": "event",
        "api_version": None,
        "created": int(time.time()),
        "livemode": False,
        "type": kind,
        "data": {"object": changed},
    }


def signature(body: bytes, secret: str, at: int) -> str:
    """The Stripe-Signature header; `at` in Unix seconds."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


class Webhooks:
    """Tells in the background; one that is not taken is dropped, as hints may be."""

    def __init__(self) -> None:
        self.target: WebhookTarget | None = None
        self.under_way: set[asyncio.Task[None]] = set()

    def tell(self, answer: Json) -> None:
        """Begin to tell what an answer says was changed, if somebody wants to know."""
        event = event_of(answer)
        if self.target is None or event is None:
            return
        for _ in range(self.target.copies):
            task = asyncio.get_running_loop().create_task(_post(self.target, event))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)


async def _post(target: WebhookTarget, event: Json) -> None:
    body = json.dumps(event).encode()
    headers = {
        "content-type": "application/json",
        "stripe-signature": signature(body, target.secret, int(time.time())),
    }
    parts = urlsplit(target.url)
    host, port = parts.hostname or "", parts.port or _HTTP_PORT
    pool = HttpPool(host, port, name=parts.netloc, idle_s=_IDLE_S)
    with suppress(UnavailableError):
        request = Request(method="POST", path=parts.path or "/", headers=headers, body=body)
        await pool.call(request, _TIMEOUT_S)
    pool.close()
