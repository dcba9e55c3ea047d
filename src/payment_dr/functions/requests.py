"""What came over HTTP, bounded and typed before anything else looks at it."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.money import MINOR_UNITS_MAX
from payment_dr.functions.http import HttpResponse, problem

BODY_BYTES_MAX: Final = 64 * 1024
_BASE64_CHARS_MAX: Final = BODY_BYTES_MAX * 4 // 3 + 4

_REQUEST_ID: Final = re.compile(r"[!-~]{1,128}")


class RefusedError(PaymentDrError):
    """The request goes no further; nothing was stored, so its key stays free."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.code)
        self.response = response


class _Body(BaseModel):
    """JSON of exactly these fields and types: no floats or booleans for integers, no extras."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


_Amount = Annotated[int, Field(ge=1, le=MINOR_UNITS_MAX)]


class PaymentBody(_Body):
    """Body of POST /v1/payments; the amount is in minor units."""

    amount: _Amount
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    capture: bool = True
    payment_method: Annotated[str, Field(pattern=r"^[!-~]{1,255}$")] = "pm_card_visa"


class AmountBody(_Body):
    """Body of a capture or refund."""

    amount: _Amount


class EmptyBody(_Body):
    """Body of a void: an empty object, or none at all."""


AnyBody = TypeVar("AnyBody", bound=_Body)


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpRequest:
    """A request as API Gateway describes it; header names are in lower case."""

    method: str
    path: tuple[str, ...]
    headers: Mapping[str, str]
    body: str
    is_base64: bool
    request_id: str

    @property
    def idempotency_key(self) -> str:
        """The client's name of its operation; RefusedError without one."""
        key = self.headers.get("idempotency-key", "")
        if not key:
            raise _bad("idempotency_key_missing", "send an Idempotency-Key header")
        return key

    def parsed(self, kind: type[AnyBody]) -> AnyBody:
        """The body as `kind`; RefusedError says what is wrong with it, without repeating it."""
        raw = _decoded(self.body, is_base64=self.is_base64) or b"{}"
        try:
            return kind.model_validate_json(raw)
        except ValidationError as error:
            found = (
                f"{'.'.join(str(part) for part in e['loc']) or 'body'}: {e['msg']}"
                for e in error.errors(include_input=False, include_url=False)
            )
            raise _bad("invalid_request", "; ".join(found)) from None


def request_of(event: Mapping[str, Any]) -> HttpRequest:
    """The request of an API Gateway event (payload format 2.0)."""
    context = event["requestContext"]
    headers: Mapping[str, str] = event.get("headers", {})
    given = headers.get("x-request-id", "")
    return HttpRequest(
        method=context["http"]["method"],
        path=tuple(event["rawPath"].split("/")[1:]),
        headers=headers,
        body=event.get("body") or "",
        is_base64=event.get("isBase64Encoded", False),
        # A client's own id is kept for its logs' sake, unless it would spoil ours.
        request_id=given if _REQUEST_ID.fullmatch(given) else context["requestId"],
    )


def _decoded(body: str, *, is_base64: bool) -> bytes:
    if len(body) > (_BASE64_CHARS_MAX if is_base64 else BODY_BYTES_MAX):
        raise _too_large()
    try:
        raw = base64.b64decode(body, validate=True) if is_base64 else body.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise _bad("invalid_request", "the body is not JSON in UTF-8") from None
    if len(raw) > BODY_BYTES_MAX:
        raise _too_large()
    return raw


def _bad(code: str, detail: str) -> RefusedError:
    return RefusedError(problem(HTTPStatus.BAD_REQUEST, code, detail))


def _too_large() -> RefusedError:
    detail = f"the body is larger than {BODY_BYTES_MAX} bytes"
    return RefusedError(problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail))
