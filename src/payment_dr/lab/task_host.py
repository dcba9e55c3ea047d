"""Runs any function of a site when it is called, as Lambda does for what is deployed.

`POST /invocations` takes a call and answers `{"payload": ..., "failed": ...}`: what the handler
returned, or Lambda's description of why it did not. Every call has a thread of its own; one that
takes longer than its function may is answered as timed out, and abandoned.
"""

import argparse
import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.lab import stand_in
from payment_dr.lab.alarms.meter import Call, Meter
from payment_dr.lab.aws.invocations import Answer, Invocation
from payment_dr.lab.http_server import HttpServer, Request, Response
from payment_dr.lab.lambda_call import LambdaContext, failure_of, load_handler, log_failure
from payment_dr.lab.stand_in import Place

CALLS_MAX: Final = 64
"""Calls under way at once; more are throttled."""

_THROTTLED: Final = "TooManyRequestsException"

HANDLERS: Final = {function.lambda_handler: function.handler for function in FUNCTIONS}
"""What may be called: the handler as Lambda writes it, and as it is loaded here."""


class TaskHost:
    """The functions of one site; this process's environment is theirs."""

    def __init__(self) -> None:
        self._under_way = 0

    async def serve(self, request: Request) -> Response:
        """Answer one request; 400 if it is no invocation."""
        try:
            invocation = Invocation(**json.loads(request.body))
        except (TypeError, ValueError) as error:
            return _json(400, {"error": f"POST /invocations takes an invocation: {error}"})
        begun = time.monotonic()
        answer = await self._run(invocation)
        meter = Meter(invocation.function_name, None, time.time)
        duration_ms = (time.monotonic() - begun) * 1000
        throttled = answer.failed and answer.payload["errorType"] == _THROTTLED
        meter.called(Call(duration_ms=duration_ms, failed=answer.failed, throttled=throttled))
        meter.flush()
        return _json(200, {"payload": answer.payload, "failed": answer.failed})

    async def _run(self, invocation: Invocation) -> Answer:
        if invocation.handler not in HANDLERS:
            message = f"{invocation.handler} is the handler of no function; see {sorted(HANDLERS)}"
            return Answer.failure("Runtime.HandlerNotFound", message)
        if self._under_way == CALLS_MAX:
            return Answer.failure(_THROTTLED, f"{CALLS_MAX} calls are under way")
        self._under_way += 1
        outcome = _in_thread(partial(call, invocation))
        outcome.add_done_callback(self._leave)
        try:
            async with asyncio.timeout(invocation.timeout_s):
                return await asyncio.shield(outcome)
        except TimeoutError:
            message = f"Task timed out after {invocation.timeout_s:.2f} seconds"
            return Answer.failure("Sandbox.Timedout", message)

    def _leave(self, _outcome: "asyncio.Future[Answer]") -> None:
        self._under_way -= 1


def call(invocation: Invocation) -> Answer:
    """Call the handler; what it raises becomes an answer and a line in the log."""
    context = LambdaContext(
        function_name=invocation.function_name,
        aws_request_id=invocation.request_id,
        deadline=time.monotonic() + invocation.timeout_s,
    )
    try:
        payload = load_handler(HANDLERS[invocation.handler])(invocation.event, context)
        return Answer(payload=json.loads(json.dumps(payload)))
    # pylint: disable-next=broad-exception-caught; a host outlives whatever a handler raises
    except Exception as error:  # noqa: BLE001 - as above
        log_failure(error, name=invocation.function_name, request_id=invocation.request_id)
        return Answer(payload=failure_of(error), failed=True)


def _in_thread(work: Callable[[], Answer]) -> "asyncio.Future[Answer]":
    """Work in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Answer] = loop.create_future()

    def run() -> None:
        answer = work()
        # The loop may have closed, when the host is being stopped.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(outcome.set_result, answer)

    threading.Thread(target=run, name="invocation", daemon=True).start()
    return outcome


def _json(status: int, document: dict[str, Any]) -> Response:
    body = json.dumps(document).encode()
    return Response(status=status, body=body, headers={"content-type": "application/json"})


async def _serve(site: str, place: Place) -> None:
    await HttpServer(place.addresses.task_port[site], TaskHost().serve).open()


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM; see `stand_in.main`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--site", required=True)
    given = parser.parse_args(arguments)
    return stand_in.main(partial(_serve, given.site), ["--directory", str(given.directory)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
