"""What came over HTTP, bounded and typed before anything else looks at it."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from payment_dr.core.errors import PaymentDrError
from payment_dr.functions.bodies import Body
from payment_dr.functions.error_catalogue import Code
from payment_dr.functions.http import HttpResponse, problem
from payment_dr.functions.json_bodies import BodyError, check_json
from payment_dr.payments.card_numbers import holds_card_number

BODY_BYTES_MAX: Final = 64 * 1024
HEADER_CHARS_MAX: Final = 16 * 1024
_BASE64_CHARS_MAX: Final = BODY_BYTES_MAX * 4 // 3 + 4

_FAULTS_MAX: Final = 10
_NAME_CHARS_MAX: Final = 40
"""A refusal is as small as that, however much is wrong."""

_REQUEST_ID: Final = re.compile(r"[!-~]{1,128}")
_JSON: Final = re.compile(r"application/json\s*(;.*)?", re.IGNORECASE)

AnyBody = TypeVar("AnyBody", bound=Body)


class RefusedError(PaymentDrError):
    """The request goes no further; nothing was stored, so its key stays free."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.code)
        self.response = response


def refused(code: Code, detail: str) -> RefusedError:
    """A refusal to raise."""
    return RefusedError(problem(code, detail))


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpRequest:
    """A request as API Gateway describes it; header names are in lower case.

    A query parameter that was given twice has both values, joined by a comma.
    """

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str
    is_base64: bool
    request_id: str

    @property
    def idempotency_key(self) -> str:
        """The client's name of its operation; RefusedError without one."""
        key = self.headers.get("idempotency-key", "")
        if not key:
            raise refused(Code.KEY_MISSING, "send an Idempotency-Key header")
        return key

    def check_size(self) -> None:
        """RefusedError if the headers are larger than allowed."""
        if sum(len(name) + len(value) for name, value in self.headers.items()) > HEADER_CHARS_MAX:
            raise refused(
                Code.HEADERS_TOO_LARGE, f"the headers are larger than {HEADER_CHARS_MAX} characters"
            )

    def parsed(self, kind: type[AnyBody]) -> AnyBody:
        """The body as `kind`; RefusedError says what is wrong with it, without repeating it."""
        text = _decoded(self.body, is_base64=self.is_base64)
        if text and not _JSON.fullmatch(self.headers.get("content-type", "application/json")):
            raise refused(Code.UNSUPPORTED_MEDIA_TYPE, "send Content-Type: application/json")
        try:
            check_json(text or "{}")
            return kind.model_validate_json(text or "{}")
        except BodyError as error:
            raise refused(error.code, error.detail) from None
        except ValidationError as error:
            raise refused(Code.INVALID_REQUEST, _faults(error)) from None


def request_of(event: Mapping[str, Any]) -> HttpRequest:
    """The request of an API Gateway event (payload format 2.0)."""
    context = event["requestContext"]
    headers: Mapping[str, str] = event.get("headers", {})
    given = headers.get("x-request-id", "")
    # A client's own id is kept for its logs' sake, unless it would spoil ours.
    is_kept = _REQUEST_ID.fullmatch(given) and not holds_card_number(given)
    return HttpRequest(
        method=context["http"]["method"],
        path=tuple(event["rawPath"].split("/")[1:]),
        query=event.get("queryStringParameters") or {},
        headers=headers,
        body=event.get("body") or "",
        is_base64=event.get("isBase64Encoded", False),
        request_id=given if is_kept else context["requestId"],
    )


def _faults(error: ValidationError) -> str:
    """What is wrong where; what was sent is not repeated but for the names of fields."""
    found = [
        f"{'.'.join(str(part)[:_NAME_CHARS_MAX] for part in e['loc']) or 'body'}: {e['msg']}"
        for e in error.errors(include_input=False, include_url=False)
    ]
    return "; ".join(found[:_FAULTS_MAX])


def _decoded(body: str, *, is_base64: bool) -> str:
    if len(body) > (_BASE64_CHARS_MAX if is_base64 else BODY_BYTES_MAX):
        raise _too_large()
    try:
        raw = base64.b64decode(body, validate=True) if is_base64 else body.encode()
        text = raw.decode()
    except (binascii.Error, UnicodeError):
        raise refused(Code.INVALID_JSON, "the body is not text in UTF-8") from None
    if len(raw) > BODY_BYTES_MAX:
        raise _too_large()
    return text


def _too_large() -> RefusedError:
    return refused(Code.BODY_TOO_LARGE, f"the body is larger than {BODY_BYTES_MAX} bytes")
