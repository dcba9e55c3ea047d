"""Calls of deployed functions: AWS's own errors around what the lab's hosts answer."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from payment_dr.lab.errors import LabError
from payment_dr.lab.http_call import call_json

_GRACE_S: Final = 5.0
"""Time beyond a function's own that its host may take to say that it timed out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """One call of a function.

    Attributes:
        region: where it was called.
        function_name: its resource name.
        handler: as Lambda writes it, `package.module.name`.
        timeout_s: the function's, in seconds.
        request_id: of this call.
        event: what the handler gets; any JSON value.
    """

    region: str
    function_name: str
    handler: str
    timeout_s: float
    request_id: str
    event: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came of it: what the handler returned, or `errorType` and `errorMessage`."""

    payload: Any
    failed: bool = False

    @classmethod
    def failure(cls, kind: str, message: str) -> Self:
        """A failure in Lambda's form."""
        return cls(payload={"errorType": kind, "errorMessage": message}, failed=True)


Invoke = Callable[[Invocation], Answer]
"""Makes a call and waits for its end; called in threads."""


class TaskHosts:
    """The lab's hosts of functions, by the port of each region that has one."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports

    def invoke(self, invocation: Invocation) -> Answer:
        """Let the region's host run the function; a host that is dead fails it as AWS would."""
        port = self._ports.get(invocation.region)
        if port is None:
            return Answer.failure("Lambda.ServiceException", f"{invocation.region} holds no site")
        try:
            answer: dict[str, Any] = call_json(
                port,
                "POST",
                "/invocations",
                asdict(invocation),
                timeout_s=invocation.timeout_s + _GRACE_S,
            )
        except LabError as error:
            return Answer.failure("Lambda.ServiceException", error.what)
        return Answer(payload=answer["payload"], failed=answer["failed"])
