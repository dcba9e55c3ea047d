"""The provider's webhooks in the description of the API: the one path that no merchant calls."""

from http import HTTPStatus
from typing import Any, Final

from payment_dr.adapters.stripe_events import SIGNATURE_HEADER, WINDOW_S
from payment_dr.functions.answers import Received
from payment_dr.functions.error_catalogue import Code
from payment_dr.functions.provider_events import PATH

Json = dict[str, Any]

PROVIDER_PATH: Final = "/" + "/".join(PATH)
SIGNATURE: Final = "providerSignature"
"""Name of the security scheme."""

CODES: Final = (Code.HEADERS_TOO_LARGE, Code.BODY_TOO_LARGE, Code.INTERNAL)

SCHEME: Final[Json] = {
    "type": "apiKey",
    "in": "header",
    "name": SIGNATURE_HEADER.title(),
    "description": "The provider's signature over the body, made with the secret that it shows "
    f"for this endpoint; at most {WINDOW_S} seconds old.",
}

_MEANINGS: Final = {
    HTTPStatus.OK: "Dealt with, or none of ours; a repeated event changes nothing",
    HTTPStatus.BAD_REQUEST: "Not signed by the provider, or too long ago; nothing was read",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not dealt with: send it again",
}


def operation(schema: Json, problems: Json, headers: Json, retried: Json) -> Json:
    """The operation; the others give their schema of the answer, problems and headers to it."""
    content = {"application/json": {"schema": schema}}
    return {
        "operationId": "receiveProviderEvent",
        "summary": "Tell of a change at the provider",
        "description": "For the provider, not for merchants. What the event says is not trusted: "
        "it makes the service look at the payment that its metadata names.",
        "security": [{SIGNATURE: []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["id", "type"],
                        "properties": {"id": {"type": "string"}, "type": {"type": "string"}},
                    }
                }
            },
        },
        "responses": {
            **problems,
            **{
                str(int(status)): {
                    "description": meaning,
                    "headers": retried if status is HTTPStatus.SERVICE_UNAVAILABLE else headers,
                    "content": content,
                }
                for status, meaning in _MEANINGS.items()
            },
        },
    }


def section() -> tuple[str, ...]:
    """What the reference says of it, in Markdown."""
    return (
        f"## POST `{PROVIDER_PATH}`\n",
        (
            "For the provider's webhooks, not for merchants: no API key, but the header "
            f"`{SCHEME['name']}`. {(Received.__doc__ or '').strip()}\n"
        ),
        "| status | when |\n| --- | --- |",
        *(f"| {int(status)} | {meaning} |" for status, meaning in _MEANINGS.items()),
        "",
    )
