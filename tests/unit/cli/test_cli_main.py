import subprocess
import sys

import pytest

from payment_dr.cli import main as command_line
from payment_dr.lab import scenario


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["payment-dr", *arguments])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    return int(str(end.value.code))


def test_an_error_that_has_a_remedy_is_two_lines_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, "drill", "no-such-scenario") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: there is no scenario 'no-such-scenario'")
    assert "next: name one of" in said.err
    assert "Traceback" not in said.err


def test_bad_usage_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, "drill", "--rate", "0") == 2
    assert "--rate" in capsys.readouterr().err


def test_what_is_no_command_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, "nonsense") == 2
    assert "No such command 'nonsense'" in capsys.readouterr().err


def test_help_imports_no_command() -> None:
    code = (
        "import sys; sys.argv = ['payment-dr', '--help']\n"
        "from payment_dr.cli import main\n"
        "try: main.main()\n"
        "except SystemExit: pass\n"
        "sys.exit(any(m.startswith('payment_dr.lab') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_help_ends_with_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, "--help") == 0
    assert "drill" in capsys.readouterr().out


def test_an_interruption_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scenario, "load", interrupted)
    assert ended(monkeypatch, "drill") == 130


@pytest.mark.parametrize("arguments", [[], ["--example", "development", "file.toml"]])
def test_settings_takes_a_file_or_an_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert ended(monkeypatch, "settings", *arguments) == 2
    assert "one of the two" in capsys.readouterr().err


def test_an_example_that_was_printed_can_be_checked(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    assert ended(monkeypatch, "settings", "--example", "production") == 0
    file = tmp_path_factory.mktemp("settings") / "payment-dr.toml"
    file.write_text(capsys.readouterr().out)
    assert ended(monkeypatch, "settings", str(file)) == 0
    assert '"environment_suffix": "prod"' in capsys.readouterr().out
