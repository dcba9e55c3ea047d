"""Real boto3 clients that answer from a script: requests and answers are held to AWS's shapes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.stub import Stubber


class Stubbed:
    """A client, and what it will answer, in order."""

    def __init__(self, service: str) -> None:
        session: Any = boto3.session.Session(
            aws_access_key_id="lab", aws_secret_access_key="lab", region_name="us-east-1"
        )
        self.client: Any = session.client(service, endpoint_url="http://127.0.0.1:1")
        self._stubber = Stubber(self.client)
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.client.meta.events.register("before-parameter-build.*", self._seen)

    def answers(self, action: str, answer: dict[str, Any] | None = None) -> None:
        self._stubber.add_response(action, {} if answer is None else answer)

    def refuses(self, action: str, code: str, status: int = 400) -> None:
        self._stubber.add_client_error(action, code, code, http_status_code=status)

    @contextmanager
    def scripted(self) -> Iterator[None]:
        """Calls beyond the script fail; so does a script that was not used up."""
        with self._stubber:
            yield
        self._stubber.assert_no_pending_responses()
        self.client.close()

    def _seen(self, *, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.requests.append((model.name, dict(params)))
