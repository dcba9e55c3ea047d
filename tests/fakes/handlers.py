"""Lambda handlers for the hosts that run them."""

import threading
from collections.abc import Mapping
from typing import Any

RELEASE = threading.Event()
"""Lets `held` go on."""


def echo(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """What the handler was given; 200 to every `/health`."""
    return {
        "statusCode": 200,
        "headers": {"X-Request": context.aws_request_id},
        "body": event.get("body") or event["rawPath"],
    }


def failing(event: Mapping[str, Any], context: Any) -> None:
    """A handler with a fault."""
    raise ValueError(f"{context.function_name} does not like {event['source']}")


def held(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answers after `RELEASE`."""
    del event, context
    RELEASE.wait(20)
    return {"statusCode": 204}
