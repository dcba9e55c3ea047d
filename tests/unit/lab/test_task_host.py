"""The host of functions, over real HTTP, and the emulator's way to it."""

import json
import random
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fakes import handlers
from fakes.loop_thread import LoopThread
from payment_dr.adapters.settings_file import example
from payment_dr.lab import task_host
from payment_dr.lab.addresses import choose_addresses
from payment_dr.lab.aws.invocations import Invocation, TaskHosts
from payment_dr.lab.http_call import call_json
from payment_dr.lab.http_server import HttpServer
from payment_dr.lab.task_host import HANDLERS, TaskHost

REGION = "us-west-2"


@pytest.fixture(name="port")
def host_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A host of the fake handlers."""
    names = ("echo", "failing", "held")
    known = {f"fakes.handlers.{name}": f"fakes.handlers:{name}" for name in names}
    known["not.there"] = "fakes.handlers:absent"
    monkeypatch.setattr(task_host, "HANDLERS", known)
    handlers.RELEASE.clear()
    port = choose_addresses(example("development"), random.Random()).task_port["west"]
    with LoopThread() as loop:
        loop.open(HttpServer(port, TaskHost().serve))
        yield port
        handlers.RELEASE.set()


def invocation(handler: str, event: Any, timeout_s: float = 10) -> Invocation:
    return Invocation(
        region=REGION,
        function_name="payments-step-west-dev",
        handler=handler,
        timeout_s=timeout_s,
        request_id="r1",
        event=event,
    )


def test_the_handler_that_was_deployed_gets_the_event_and_answers(port: int) -> None:
    answer = TaskHosts({REGION: port}).invoke(
        invocation("fakes.handlers.echo", {"rawPath": "/health"})
    )
    assert not answer.failed
    assert answer.payload["body"] == "/health"
    assert answer.payload["headers"] == {"X-Request": "r1"}


def test_a_handler_that_raises_is_described_and_logged(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = TaskHosts({REGION: port}).invoke(invocation("fakes.handlers.failing", {"source": "x"}))
    assert answer.failed
    assert answer.payload["errorType"] == "ValueError"
    assert answer.payload["errorMessage"] == "payments-step-west-dev does not like x"
    said, metered = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said["requestId"] == "r1"
    assert (metered["FunctionName"], metered["Errors"]) == ("payments-step-west-dev", [1.0])


def test_a_call_that_takes_too_long_is_answered_and_abandoned(port: int) -> None:
    answer = TaskHosts({REGION: port}).invoke(invocation("fakes.handlers.held", {}, 0.05))
    assert (answer.failed, answer.payload["errorType"]) == (True, "Sandbox.Timedout")
    assert "0.05 seconds" in answer.payload["errorMessage"]


def test_a_handler_of_no_function_is_not_called(port: int) -> None:
    answer = TaskHosts({REGION: port}).invoke(invocation("os.system", "true"))
    assert (answer.failed, answer.payload["errorType"]) == (True, "Runtime.HandlerNotFound")
    assert "fakes.handlers.echo" in answer.payload["errorMessage"]


def test_a_handler_that_cannot_be_imported_is_a_failure(port: int) -> None:
    answer = TaskHosts({REGION: port}).invoke(invocation("not.there", {}))
    assert (answer.failed, answer.payload["errorType"]) == (True, "LabError")


def test_more_calls_than_the_host_takes_are_throttled(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_host, "CALLS_MAX", 1)
    hosts = TaskHosts({REGION: port})
    hosts.invoke(invocation("fakes.handlers.held", {}, 0.05))
    answer = hosts.invoke(invocation("fakes.handlers.echo", {"rawPath": "/"}))
    assert answer.payload["errorType"] == "TooManyRequestsException"


def test_a_host_that_is_dead_or_absent_fails_as_the_service_would(unused_port: int) -> None:
    hosts = TaskHosts({REGION: unused_port})
    dead = hosts.invoke(invocation("fakes.handlers.echo", {}))
    assert (dead.failed, dead.payload["errorType"]) == (True, "Lambda.ServiceException")
    absent = TaskHosts({}).invoke(invocation("fakes.handlers.echo", {}))
    assert absent.payload["errorMessage"] == "us-west-2 holds no site"


@pytest.fixture(name="unused_port")
def free_port() -> int:
    return choose_addresses(example("development"), random.Random()).task_port["east"]


@pytest.mark.parametrize("body", [{}, {"handler": "x"}])
def test_what_is_no_invocation_is_refused(port: int, body: Mapping[str, Any]) -> None:
    with pytest.raises(Exception, match="takes an invocation"):
        call_json(port, "POST", "/invocations", body, timeout_s=5)


def test_an_answer_that_comes_after_the_end_of_the_host_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task_host, "HANDLERS", {"held": "fakes.handlers:held"})
    handlers.RELEASE.clear()
    before = set(threading.enumerate())
    with LoopThread() as loop:
        loop.run(vars(TaskHost)["_run"](TaskHost(), invocation("held", {}, 0.01)))
        (left,) = (t for t in set(threading.enumerate()) - before if t.name == "invocation")
    handlers.RELEASE.set()
    left.join(10)
    assert not left.is_alive()


def test_every_function_of_the_catalogue_may_be_called() -> None:
    assert HANDLERS["payment_dr.functions.recovery.handler"] == (
        "payment_dr.functions.recovery:handler"
    )
