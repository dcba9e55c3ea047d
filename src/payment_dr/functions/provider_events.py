"""The provider's webhooks. Each is a hint that a payment may be worth looking at, never the truth.

What it says of the payment is not read. The payment's record decides whether anything is left to
do, and the provider is asked by the protocol, as a retry of the client would: so webhooks may come
in any order, repeatedly, late, or not at all.
"""

import base64
import binascii
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from payment_dr.adapters.stripe_events import SIGNATURE_HEADER, ForgedEventError, payment_of
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.functions.answers import Received
from payment_dr.functions.composition import Composition
from payment_dr.functions.error_catalogue import Code
from payment_dr.functions.http import HttpResponse
from payment_dr.functions.logs import correlated
from payment_dr.functions.requests import HttpRequest, refused
from payment_dr.payments.outcome import RETRY_S

PATH: Final = ("provider", "events")
"""Where the provider posts them, as segments."""

BODY_BYTES_MAX: Final = 256 * 1024
"""More than the provider sends of one payment."""

_BASE64_CHARS_MAX: Final = BODY_BYTES_MAX // 3 * 4 + 4

SECRET: Final = "webhook_secret"  # noqa: S105 - the name of a field
"""Field of the secret `provider`."""

_LOG: Final = logging.getLogger(__name__)


def receive(
    parts: Composition, secret: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> HttpResponse:
    """Answer one webhook: 200 when it is dealt with, 400 when forged, 503 to be sent it again.

    Args:
        parts: of the process.
        secret: the secret `provider`.
        headers: of the request, names in lower case.
        body: as received.

    Raises:
        PaymentDrError: the secret holds no webhook secret.
    """
    if SECRET not in secret:
        raise PaymentDrError(
            "the secret provider holds no webhook_secret",
            remedy="add the signing secret of the webhook endpoint that the provider shows",
        )
    try:
        payment_id = payment_of(body, headers.get(SIGNATURE_HEADER, ""), secret[SECRET])
    except ForgedEventError as error:
        _LOG.warning("provider event refused", extra={"fields": {"reason": error.what}})
        return _answer(HTTPStatus.BAD_REQUEST, "refused")
    try:
        with correlated(payment_id=payment_id):
            told = "foreign" if payment_id is None else _settle(parts, payment_id)
    except UnavailableError as error:
        _LOG.warning("unavailable", extra={"fields": {"reason": error.what}})
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", payment_id)
    return _answer(HTTPStatus.OK, told, payment_id)


def body_of(request: HttpRequest) -> bytes:
    """The bytes that were signed; empty, which nobody signed, if they cannot be had.

    Raises:
        RefusedError: they are too many.
    """
    if len(request.body) > (_BASE64_CHARS_MAX if request.is_base64 else BODY_BYTES_MAX):
        raise refused(Code.BODY_TOO_LARGE, f"the body is larger than {BODY_BYTES_MAX} bytes")
    if not request.is_base64:
        return request.body.encode(errors="replace")
    try:
        return base64.b64decode(request.body, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _settle(parts: Composition, payment_id: str) -> str:
    """Finish what the record has pending, unless somebody is at it."""
    record = parts.ports.table.get(payment_id)
    if record is None:
        return "unknown"
    if record.pending is None:
        return "settled"
    outcome = parts.service.resume(record)
    return type(outcome).__name__


def _answer(status: HTTPStatus, told: str, payment_id: str | None = None) -> HttpResponse:
    is_again = status is HTTPStatus.SERVICE_UNAVAILABLE
    return HttpResponse(
        status=status,
        body=Received(received=status is HTTPStatus.OK).model_dump_json(),
        headers={"retry-after": str(RETRY_S)} if is_again else {},
        code=f"provider_event_{told.lower()}",
        payment_id=payment_id,
    )
