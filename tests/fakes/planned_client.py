"""A boto3 client that gives planned answers, for what a real service seldom says."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


def refusal(code: str, status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "Operation")


class Events:
    """Takes what is registered, and calls none of it: answers are planned as they are read."""

    def __init__(self) -> None:
        self.events = self

    def register(self, event: str, handler: Callable[..., Any]) -> None:
        """Nothing is sent, so nothing happens to it."""


class PlannedClient:
    """One answer or error a call, in order, the last for ever; `calls` are (action, request)."""

    def __init__(self, *planned: Any) -> None:
        self.planned = list(planned)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.meta = Events()

    def __getattr__(self, action: str) -> Callable[..., Any]:
        def act(**request: Any) -> Any:
            self.calls.append((action, request))
            answer = self.planned.pop(0) if len(self.planned) > 1 else self.planned[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return act
