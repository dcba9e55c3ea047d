"""Logs are one JSON object a line."""

import json
import logging
from collections.abc import Iterator

import pytest

from payment_dr.functions.logs import JsonFormatter, configure_logs


@pytest.fixture(name="_untouched_logging", autouse=True)
def untouched_logging_fixture() -> Iterator[None]:
    root, ours = logging.root, logging.getLogger("payment_dr")
    kept = (root.handlers, root.level, ours.level)
    yield
    root.handlers, level, our_level = kept
    root.setLevel(level)
    ours.setLevel(our_level)


def test_everything_goes_to_standard_output_as_json_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs()
    logging.getLogger("payment_dr.x").info("said %s", 1, extra={"fields": {"payment_id": "p"}})
    logging.getLogger("someone.else").info("chatter")
    logging.getLogger("someone.else").warning("trouble")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first.pop("time") > 1_700_000_000
    assert first == {
        "level": "INFO",
        "logger": "payment_dr.x",
        "message": "said 1",
        "payment_id": "p",
    }
    assert second["message"] == "trouble"


def test_an_exception_is_inside_its_line() -> None:
    info = (KeyError, KeyError("planted"), None)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), info)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "planted" in json.loads(line)["exception"]
