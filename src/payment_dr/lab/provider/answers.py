"""What the provider answers: a status and a JSON object, errors in Stripe's shape."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A status and the JSON object that goes with it."""

    status: int
    body: Json


def done(body: Json) -> Answer:
    """It was done, or found."""
    return Answer(status=200, body=body)


def refused(
    message: str,
    *,
    status: int = 400,
    kind: str = "invalid_request_error",
    code: str | None = None,
    **more: Any,
) -> Answer:
    """It was refused; `kind` decides which exception the SDK raises."""
    error: Json = {"type": kind, "message": message, **more}
    if code is not None:
        error["code"] = code
    return Answer(status=status, body={"error": error})


def missing(thing: str, identifier: str) -> Answer:
    """There is no such object."""
    return refused(f"No such {thing}: '{identifier}'", status=404, code="resource_missing")
