"""Logs are one JSON object a line, which names its request and gives nothing away."""

import importlib
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fakes.composed import API_KEY
from payment_dr.functions.catalogue import FUNCTIONS, Function
from payment_dr.functions.logs import (
    BLOT,
    LogFormatter,
    configure_logs,
    correlated,
    logged,
    redacted,
)

CARD = "4242424242424242"


@pytest.fixture(name="_untouched_logging", autouse=True)
def untouched_logging_fixture() -> Iterator[None]:
    root, ours = logging.root, logging.getLogger("payment_dr")
    kept = (root.handlers, root.level, ours.level)
    yield
    root.handlers, level, our_level = kept
    root.setLevel(level)
    ours.setLevel(our_level)


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    text = LogFormatter().format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def said(message: str, **fields: object) -> dict[str, Any]:
    record = logging.LogRecord("payment_dr.x", logging.INFO, "", 0, message, (), None)
    record.fields = fields
    return line_of(record)


def test_everything_goes_to_standard_output_as_json_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs()
    logging.getLogger("payment_dr.x").info("said %s", 1, extra={"fields": {"payment_id": "p"}})
    logging.getLogger("someone.else").info("chatter")
    logging.getLogger("someone.else").warning("trouble")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first.pop("timestamp").endswith("+00:00")
    assert first == {
        "level": "INFO",
        "location": "payment_dr.x",
        "message": "said 1",
        "service": "payment-dr",
        "payment_id": "p",
    }
    assert second["message"] == "trouble"


def test_an_exception_is_inside_its_line() -> None:
    info = (KeyError, KeyError("planted"), None)
    line = line_of(logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), info))
    assert "planted" in line["exception"]
    assert line["exception_name"] == "KeyError"


def test_a_message_is_text_also_if_it_looks_like_json() -> None:
    assert said("1")["message"] == "1"


def test_lines_name_the_request_for_as_long_as_it_lasts_and_in_its_own_thread() -> None:
    others: list[dict[str, Any]] = []
    with correlated(request_id="r-1"):
        with correlated(payment_id="p-1"):
            assert said("inside").items() >= {"request_id": "r-1", "payment_id": "p-1"}.items()
        thread = threading.Thread(target=lambda: others.append(said("elsewhere")))
        thread.start()
        thread.join()
        assert "payment_id" not in said("outside")
    assert "request_id" not in said("after")
    assert "request_id" not in others[0]


def test_what_is_not_known_is_left_out() -> None:
    with correlated(request_id=None):
        assert "request_id" not in said("x")


def test_a_line_names_the_trace_that_lambda_says_it_belongs_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    assert said("x")["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"


def test_a_handler_names_its_call_and_nothing_outlives_it() -> None:
    class Context:
        aws_request_id = "call-1"

    @logged
    def handler(event: Mapping[str, Any], _context: object) -> tuple[Any, Any]:
        return said("inside"), event

    inside, event = handler({"a": 1}, Context())
    assert inside["function_request_id"] == "call-1"
    assert event == {"a": 1}
    without, _ = handler({}, None)
    assert "function_request_id" not in without
    assert "function_request_id" not in said("after")


@pytest.mark.parametrize("function", FUNCTIONS, ids=[one.name for one in FUNCTIONS])
def test_every_function_that_is_deployed_names_its_call_in_its_lines(function: Function) -> None:
    module, _, name = function.handler.partition(":")
    handler = vars(importlib.import_module(module))[name]
    assert handler.__code__ is logged(handler).__code__


@pytest.mark.parametrize(
    ("before", "hidden"),
    [
        ("sk_test_", API_KEY.removeprefix("sk_test_")),
        ("sk_live_", API_KEY.removeprefix("sk_test_")),
        ("rk_live_", "4eC39HqLyjWDarjtT1zdp7dc"),
        ("whsec_", "5f2b8a0d9e"),
        ("Bearer ", "abc.def-ghi"),
        ("password=", "hunter2"),
    ],
)
def test_a_secret_in_a_message_a_field_or_an_exception_is_blotted_out(
    before: str, hidden: str
) -> None:
    secret = before + hidden
    info = (ValueError, ValueError(f"no good: {secret}"), None)
    record = logging.LogRecord("x", logging.ERROR, "", 0, f"with {secret} in it", (), info)
    record.fields = {"reason": secret, "deep": {"er": [secret]}}
    text = LogFormatter().format(record)
    assert hidden not in text
    assert text.count(BLOT) == 4
    assert json.loads(text)["message"].endswith("in it")


@pytest.mark.parametrize(
    "name", ["api_key", "authorization", "password", "payment_method", "secret", "token"]
)
def test_a_field_of_a_telling_name_is_blotted_out_however_deep_it_lies(name: str) -> None:
    line = said("x", **{name: 'a "quoted" \\ secret', "deep": {name: "hunter2"}})
    assert line[name].startswith(BLOT)
    assert line["deep"] == {name: BLOT}
    assert "hunter2" not in str(line)
    assert "quoted" not in str(line)


@pytest.mark.parametrize("number", [CARD, "4242 4242 4242 4242", "4242-4242-4242-4242"])
def test_what_looks_like_a_card_is_blotted_out_but_for_ids(number: str) -> None:
    line = said(f"card {number}", reason=number, payment_id=number, amount=1250)
    assert (line["message"], line["reason"], line["payment_id"]) == (BLOT, BLOT, number)
    assert line["amount"] == 1250


def test_what_gives_nothing_away_is_left_as_it_is() -> None:
    given = {
        "payment_id": "0b54dff2-0f3c-5a12-94b6-cc2efb51b0aa",
        "key_id": "k2vd3mkyqpzt7c4a",
        "at": 1_700_000_000_000,
        "detail": "risk_test_x; token rejected",
        "count": {"1": None},
    }
    assert json.loads(redacted(given)) == given
