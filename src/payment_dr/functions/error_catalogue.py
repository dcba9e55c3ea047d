"""Every error that the API answers: one list, from which answers, OpenAPI and docs are made.

A code is stable; its title and advice are for people. 400 is for what no such request can be, by
OpenAPI's schemas; 422 for what could be one and cannot be done.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from http import HTTPStatus
from typing import Final

PAGE: Final = "/errors"
"""Where the errors are explained, relative to the documentation: `/errors/<code>`."""


@unique
class Code(StrEnum):
    """The `code` of a problem."""

    INVALID_JSON = "invalid_json"
    JSON_TOO_DEEP = "json_too_deep"
    INVALID_REQUEST = "invalid_request"
    CURRENCY_UNKNOWN = "currency_unknown"
    KEY_MISSING = "idempotency_key_missing"
    KEY_INVALID = "idempotency_key_invalid"
    INVALID_QUERY = "invalid_query"
    UNAUTHORISED = "unauthorised"
    SCOPE_MISSING = "scope_missing"
    NO_SUCH_ROUTE = "no_such_route"
    PAYMENT_NOT_FOUND = "payment_not_found"
    EVENT_NOT_FOUND = "event_not_found"
    ENDPOINT_NOT_FOUND = "webhook_endpoint_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    IN_PROGRESS = "in_progress"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    CARD_NUMBER_REFUSED = "card_number_refused"
    AMOUNT_OUT_OF_BOUNDS = "amount_out_of_bounds"
    INVALID_CURSOR = "invalid_cursor"
    KEY_REUSED = "idempotency_key_reused"
    TOO_MANY_OPERATIONS = "too_many_operations"
    TOO_MANY_ENDPOINTS = "too_many_webhook_endpoints"
    URL_REFUSED = "webhook_url_refused"
    HEADERS_TOO_LARGE = "headers_too_large"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    OUTCOME_UNKNOWN = "outcome_unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One error.

    Attributes:
        code: its name for programs.
        status: the HTTP status, the same each time.
        title: what it is, for people.
        advice: what a client is to do.
        retry: whether the same request under the same key may succeed later.
    """

    code: Code
    status: HTTPStatus
    title: str
    advice: str
    retry: bool = False


_ENTRIES: Final = (
    Entry(
        code=Code.INVALID_JSON,
        status=HTTPStatus.BAD_REQUEST,
        title="The body is not JSON",
        advice="Send one JSON value in UTF-8, without NaN or Infinity, without a number beyond "
        "what a double holds, and with each name once per object.",
    ),
    Entry(
        code=Code.JSON_TOO_DEEP,
        status=HTTPStatus.BAD_REQUEST,
        title="The body is nested too deeply",
        advice="No request needs more than two levels; the limit is eight.",
    ),
    Entry(
        code=Code.INVALID_REQUEST,
        status=HTTPStatus.BAD_REQUEST,
        title="A field is missing, unknown or of the wrong kind",
        advice="`detail` names each field and what it takes. Amounts are integers of minor units, "
        "never fractions or text.",
    ),
    Entry(
        code=Code.CURRENCY_UNKNOWN,
        status=HTTPStatus.BAD_REQUEST,
        title="No payment is taken in this currency",
        advice="Send a code from the list of currencies in capital letters, e.g. EUR.",
    ),
    Entry(
        code=Code.KEY_MISSING,
        status=HTTPStatus.BAD_REQUEST,
        title="The Idempotency-Key is missing",
        advice="Whatever writes needs one: a name that you choose for this one operation, kept "
        "before it is sent, e.g. the number of the order.",
    ),
    Entry(
        code=Code.KEY_INVALID,
        status=HTTPStatus.BAD_REQUEST,
        title="The Idempotency-Key cannot be one",
        advice="Send 1 to 255 visible ASCII characters, without spaces.",
    ),
    Entry(
        code=Code.INVALID_QUERY,
        status=HTTPStatus.BAD_REQUEST,
        title="A query parameter is unknown or has a value that it does not take",
        advice="Lists take `limit`, 1 to 100, and `cursor`; nothing else takes any.",
    ),
    Entry(
        code=Code.UNAUTHORISED,
        status=HTTPStatus.UNAUTHORIZED,
        title="The API key is missing, unknown, expired or revoked",
        advice="Send `Authorization: Bearer sk_...` with a key that is in force and of this mode: "
        "test keys do not work where money is real, nor live keys where it is not.",
    ),
    Entry(
        code=Code.SCOPE_MISSING,
        status=HTTPStatus.FORBIDDEN,
        title="The API key may not do this",
        advice="`detail` names the scope that is needed; have a key made that has it.",
    ),
    Entry(
        code=Code.NO_SUCH_ROUTE,
        status=HTTPStatus.NOT_FOUND,
        title="There is nothing at this path",
        advice="Compare the path with the reference; it has no slash at its end.",
    ),
    Entry(
        code=Code.PAYMENT_NOT_FOUND,
        status=HTTPStatus.NOT_FOUND,
        title="The merchant has no such payment",
        advice="A payment of another merchant is not found either. Ask by the id that the payment "
        "was answered with.",
    ),
    Entry(
        code=Code.EVENT_NOT_FOUND,
        status=HTTPStatus.NOT_FOUND,
        title="The merchant has no such event",
        advice="Events come from the ledger, moments after what they tell of: a new one may be "
        "found a little later.",
    ),
    Entry(
        code=Code.ENDPOINT_NOT_FOUND,
        status=HTTPStatus.NOT_FOUND,
        title="The merchant has no such webhook endpoint",
        advice="List the endpoints; a disabled one gives way when there are too many.",
    ),
    Entry(
        code=Code.METHOD_NOT_ALLOWED,
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        title="The path does not take this method",
        advice="The header `Allow` names those that it takes.",
    ),
    Entry(
        code=Code.IN_PROGRESS,
        status=HTTPStatus.CONFLICT,
        title="An operation of this payment is under way",
        advice="Ask again with the same key after `Retry-After` seconds; nothing is done twice.",
        retry=True,
    ),
    Entry(
        code=Code.BODY_TOO_LARGE,
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        title="The body is larger than 64 KiB",
        advice="No request needs so much; send less metadata.",
    ),
    Entry(
        code=Code.UNSUPPORTED_MEDIA_TYPE,
        status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        title="The body is not sent as JSON",
        advice="Send `Content-Type: application/json`.",
    ),
    Entry(
        code=Code.CARD_NUMBER_REFUSED,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="Something in the body looks like a card number",
        advice="Card numbers are not taken, kept or logged. Send the provider's token of the card "
        "as `payment_method`; if it was none, write the number with other separators.",
    ),
    Entry(
        code=Code.AMOUNT_OUT_OF_BOUNDS,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The amount cannot be charged in this currency",
        advice="`detail` gives the bounds. Currencies of three decimals take multiples of ten.",
    ),
    Entry(
        code=Code.INVALID_CURSOR,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The cursor is none of this list",
        advice="Send `next_cursor` of the page before, of the same list, unchanged; or begin anew "
        "without one.",
    ),
    Entry(
        code=Code.KEY_REUSED,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The Idempotency-Key was used for another request",
        advice="Nothing took effect. Use a key for one operation only; for a new one make a key.",
    ),
    Entry(
        code=Code.TOO_MANY_OPERATIONS,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The payment takes no further operation",
        advice="A payment has at most 32 operations, declined ones among them.",
    ),
    Entry(
        code=Code.TOO_MANY_ENDPOINTS,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The merchant has as many webhook endpoints as it may",
        advice="Disable one first; ten may be in use.",
    ),
    Entry(
        code=Code.URL_REFUSED,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="Webhooks are not sent to such a URL",
        advice="Send an https URL at port 443 with a public host name, without user, password or "
        "fragment, of at most 500 characters.",
    ),
    Entry(
        code=Code.HEADERS_TOO_LARGE,
        status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        title="The headers are larger than 16 KiB",
        advice="Send fewer or shorter headers.",
    ),
    Entry(
        code=Code.INTERNAL,
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        title="The service failed",
        advice="What took effect is not known: retry with the same key until the answer is another "
        "one. If that lasts, say the `X-Request-Id` to whoever runs the service.",
        retry=True,
    ),
    Entry(
        code=Code.UNAVAILABLE,
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="Something that the request needs does not answer",
        advice="Nothing took effect. Retry with the same key after `Retry-After` seconds.",
        retry=True,
    ),
    Entry(
        code=Code.OUTCOME_UNKNOWN,
        status=HTTPStatus.GATEWAY_TIMEOUT,
        title="It is not known whether the request took effect",
        advice="Retry with the same key after `Retry-After` seconds: the answer then tells, and "
        "nothing is done twice.",
        retry=True,
    ),
)

CATALOGUE: Final[Mapping[Code, Entry]] = {entry.code: entry for entry in _ENTRIES}
"""By code, in the order of their statuses."""

INDETERMINATE: Final = "indeterminate"
"""Not an error: `code` and `status` of a 202. The outcome is not known yet."""

DECLINES: Final[Mapping[str, str]] = {
    "amount_above_authorised": "a capture of more than was authorised",
    "amount_above_captured": "a refund of more than was captured and not yet refunded",
    "not_authorised": "a capture or void of a payment that is not authorised: it has been "
    "captured, voided or declined",
    "not_found_at_provider": "a request that never reached the provider and is too old to be sent",
}
"""Our own reasons for a decline; all others are the provider's."""
