"""The process of a detached lab, where it cannot start."""

import io
import json
import sys
from pathlib import Path

import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.lab import detached
from payment_dr.lab.errors import LabError


def test_what_keeps_it_from_starting_is_reported_to_who_started_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise LabError("a port is taken", remedy="try again")

    monkeypatch.setattr(detached, "serve", fails)
    monkeypatch.setattr(sys, "stdin", io.StringIO(example("development").model_dump_json()))
    with pytest.raises(SystemExit) as ended:
        detached.main(["--name", "x", "--registry", str(tmp_path)])
    assert ended.value.code == 1
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report == {"error": "a port is taken", "remedy": "try again"}
