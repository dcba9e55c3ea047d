"""Function host and schedule host inside the test's process."""

import asyncio
import json
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fakes import handlers
from payment_dr.adapters.settings_file import example
from payment_dr.lab import function_host, schedule_host
from payment_dr.lab.addresses import addresses_from
from payment_dr.lab.alarms.meter import Meter
from payment_dr.lab.errors import LabError
from payment_dr.lab.function_host import BODY_BYTES_MAX, FunctionHost
from payment_dr.lab.lambda_call import Handler, LambdaContext, load_handler
from payment_dr.lab.schedule_host import Schedule

SCOPE: Mapping[str, Any] = {
    "method": "POST",
    "path": "/v1/payments",
    "query_string": b"",
    "http_version": "1.1",
    "client": None,
    "headers": [],
}


class Exchange:
    """One request to an ASGI application."""

    def __init__(self, host: FunctionHost, *chunks: bytes) -> None:
        self._host = host
        self._chunks = list(chunks)
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def run(self) -> "Exchange":
        await self._host(SCOPE, self._receive, self._send)
        return self

    async def _receive(self) -> dict[str, Any]:
        chunk = self._chunks.pop(0) if self._chunks else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks)}

    async def _send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.headers.update(message.get("headers", ()))
        self.body += message.get("body", b"")


def ask(handler: Handler, *chunks: bytes, **options: Any) -> Exchange:
    host = FunctionHost(handler, name="m:h", **options)
    return asyncio.run(Exchange(host, *chunks).run())


def test_the_handler_gets_the_whole_body_and_answers() -> None:
    answer = ask(handlers.echo, b'{"amount"', b": 1}")
    assert (answer.status, answer.body) == (200, b'{"amount": 1}')
    assert answer.headers[b"content-length"] == b"13"
    assert answer.headers[b"x-request"]


def test_a_handler_that_raises_is_a_500_and_a_line_of_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(event: Mapping[str, Any], context: LambdaContext) -> None:
        raise KeyError(event["rawPath"], context.aws_request_id)

    answer = ask(broken)
    assert (answer.status, answer.body) == (500, b'{"message": "Internal Server Error"}')
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["function"], line["errorType"]) == ("ERROR", "m:h", "KeyError")
    assert line["requestId"] in line["errorMessage"]


def test_an_answer_that_is_no_http_is_a_500(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(lambda *_: {"statusCode": "lots"}).status == 500
    assert "invalid literal" in capsys.readouterr().out


def test_a_body_that_is_too_large_is_refused_without_the_handler() -> None:
    assert ask(handlers.failing, b"x" * BODY_BYTES_MAX, b"y").status == 413


def test_beyond_threads_and_queue_the_answer_is_503_at_once() -> None:
    handlers.RELEASE.clear()

    async def scene() -> None:
        host = FunctionHost(handlers.held, name="m:h", threads=1, queue=1)
        waiting = [asyncio.create_task(Exchange(host).run()) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await Exchange(host).run()
        assert (refused.status, refused.body) == (503, b'{"message": "Service Unavailable"}')
        handlers.RELEASE.set()
        assert [(await task).status for task in waiting] == [204, 204]
        assert (await Exchange(host).run()).status == 204

    asyncio.run(asyncio.wait_for(scene(), 20))


def test_a_handler_that_takes_too_long_goes_on_but_its_client_gets_503() -> None:
    handlers.RELEASE.clear()
    assert ask(handlers.held, timeout_s=0.05).status == 503
    handlers.RELEASE.set()


def test_each_call_and_answer_is_metered_and_a_second_of_them_written_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(function_host, "FLUSH_S", 0.2)
    handlers.RELEASE.clear()
    said: list[str] = []

    async def scene() -> None:
        meter = Meter("f", "api", lambda: 0.0, said.append)
        options: dict[str, Any] = {"name": "m:h", "threads": 1, "queue": 0, "meter": meter}
        slow = FunctionHost(handlers.held, timeout_s=0.05, **options)
        late = asyncio.create_task(Exchange(slow).run())
        await asyncio.sleep(0)
        assert (await Exchange(slow).run()).status == 503
        assert (await late).status == 503
        handlers.RELEASE.set()
        assert (await Exchange(FunctionHost(handlers.echo, **options), b"{}").run()).status == 200
        raised = await Exchange(FunctionHost(handlers.failing, **options)).run()
        assert raised.status == 500
        for _ in range(500):
            if sum(len(json.loads(line).get("Count", ())) for line in said) == 4:
                return
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(scene(), 20))

    def all_of(name: str) -> list[float]:
        return [value for line in said for value in json.loads(line).get(name, ())]

    assert sorted(all_of("Errors")) == [0, 1, 1]
    assert sorted(all_of("Throttles")) == [0, 0, 0, 1]
    assert sorted(all_of("5xx")) == [0, 1, 1, 1]


def test_a_context_tells_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payment_dr.lab.lambda_call.time.monotonic", lambda: 100.0)
    context = LambdaContext(function_name="f", aws_request_id="r", deadline=101.5)
    assert context.get_remaining_time_in_millis() == 1500
    late = LambdaContext(function_name="f", aws_request_id="r", deadline=99)
    assert late.get_remaining_time_in_millis() == 0


@pytest.mark.parametrize("name", ["no.such.module:handler", "json:none", "json", ":dumps"])
def test_a_handler_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(LabError, match=f"no handler '{name}'"):
        load_handler(name)


def test_the_host_serves_its_site_by_uvicorn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = example("development")
    addresses = addresses_from(settings, 20_000)
    addresses.write(tmp_path)
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    served: dict[str, Any] = {}
    monkeypatch.setattr("uvicorn.run", lambda _, **options: served.update(options))
    function_host.main(
        ["--directory", str(tmp_path), "--site", "west", "--handler", "fakes.handlers:echo"]
    )
    assert (served["host"], served["port"]) == addresses.api_target["west"]


@pytest.mark.parametrize("text", ["m:h", "m:h=", "m:h=0", "m:h=-1", "h=1", "m:h=nan", "m:h=1e9"])
def test_a_schedule_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"m:h|h=1|could not convert"):
        Schedule.parse(text)


def test_a_schedule_reads_as_it_is_written() -> None:
    schedule = Schedule.parse("m:h=0.25")
    assert schedule == Schedule(handler="m:h", seconds=0.25)
    assert str(schedule) == "m:h=0.25"


def test_a_schedule_goes_on_after_a_handler_raised(capsys: pytest.CaptureFixture[str]) -> None:
    ending = threading.Event()
    calls: list[str] = []

    def third_ends(event: Mapping[str, Any], context: LambdaContext) -> None:
        calls.append(context.aws_request_id)
        if len(calls) == 3:
            ending.set()
        raise ValueError(event["source"])

    schedule_host.run(Schedule(handler="m:h", seconds=0.001), third_ends, ending)
    assert len(set(calls)) == 3
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["errorMessage"] for line in lines] == ["aws.scheduler"] * 3


def test_scheduled_calls_of_a_site_are_metered_under_the_functions_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.json").write_text(example("development").model_dump_json())
    before = signal.getsignal(signal.SIGTERM)

    def once(event: Mapping[str, Any], context: LambdaContext) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise ValueError(event["source"], context.aws_request_id)

    monkeypatch.setattr(schedule_host, "load_handler", lambda _: once)
    schedule_host.main(
        [
            *("--directory", str(tmp_path), "--site", "west"),
            *("--schedule", "payment_dr.functions.poster:handler=60"),
        ]
    )
    signal.signal(signal.SIGTERM, before)
    raised, metered = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert raised["errorType"] == "ValueError"
    assert (metered["FunctionName"], metered["Errors"]) == ("payments-poster-west-dev", [1])


def test_schedules_wait_for_their_file_and_end_at_sigterm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    before = signal.getsignal(signal.SIGTERM)
    calls: list[bool] = []

    def once(event: Mapping[str, Any], context: LambdaContext) -> None:
        del event, context
        calls.append(ready.exists())
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(schedule_host, "load_handler", lambda _: once)
    timer = threading.Timer(0.1, ready.touch)
    timer.start()
    schedule_host.main(
        ["--directory", str(tmp_path), "--after", str(ready), "--schedule", "m:h=60"]
    )
    timer.join()
    signal.signal(signal.SIGTERM, before)
    assert calls == [True]


def test_sigterm_before_the_file_exists_ends_without_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(schedule_host, "load_handler", lambda _: handlers.failing)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    schedule_host.main(
        [
            *("--directory", str(tmp_path), "--after", str(tmp_path / "never")),
            *("--schedule", "m:h=60"),
        ]
    )
    timer.join()
    signal.signal(signal.SIGTERM, before)
