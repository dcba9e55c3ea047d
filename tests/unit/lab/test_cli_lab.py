"""`payment-dr lab` over fakes: what it prints, and what it refuses."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from payment_dr.adapters.settings_file import example, example_text
from payment_dr.cli import lab as cli
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import Settings
from payment_dr.infra.deployment import Done
from payment_dr.lab.addresses import addresses_from
from payment_dr.lab.deploy import Deployed
from payment_dr.lab.errors import LabError
from payment_dr.lab.registry import LabRecord, Registry, this_process

SETTINGS = example("development")


def state_of(directory: Path) -> dict[str, Any]:
    addresses = addresses_from(SETTINGS, 20_000)
    return {
        "directory": str(directory),
        "addresses": json.loads(addresses.to_json()),
        "pids": {"guardian": 1},
        "ledger": {"writer": "east", "alive": ["east", "west"], "stale": []},
        "healthy": ["east"],
        "merchant_keys": {"merchant-0": "key_123"},
        "bare": False,
        "start_seconds": {"ledger": 1.0},
    }


@pytest.fixture(name="registry")
def fixture_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of the test's own, and labs that start and answer without existing."""
    registry = Registry(tmp_path)

    def start(
        settings: Settings,
        name: str,
        place: Registry,
        progress: Callable[[str], None],
        *,
        empty: bool,
    ) -> LabRecord:
        assert settings == (example("rehearsal") if empty else SETTINGS)
        progress("ledger ready after 1.0 s")
        record = this_process(name, directory=tmp_path / name, control_port=20_000)
        place.add(record)
        return record

    monkeypatch.setattr(cli, "user_registry", lambda: registry)
    monkeypatch.setattr(cli, "start_detached", start)
    monkeypatch.setattr(cli, "call_json", lambda *_, **__: state_of(tmp_path))
    return registry


def run(*arguments: str) -> Any:
    app = typer.Typer()
    cli.register(app)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["lab", *arguments])


def test_up_prints_addresses_and_a_payment_to_copy(registry: Registry) -> None:
    result = run("up", "--name", "mine")
    assert result.exit_code == 0, result.output
    assert "ledger ready after 1.0 s" in result.stderr
    lines = result.stdout.splitlines()
    assert "API east               http://127.0.1.1:20001" in lines
    assert "API west               http://127.0.2.1:20001" in lines
    assert "curl -s http://127.0.1.1:20001/v1/payments" in result.stdout
    assert "Bearer key_123" in result.stdout
    assert registry.get("mine") is not None


def test_up_prints_one_json_document(registry: Registry, tmp_path: Path) -> None:
    settings = tmp_path / "mine.toml"
    settings.write_text(example_text("development"))
    result = run("up", "--settings", str(settings), "--json")
    assert json.loads(result.stdout)["healthy"] == ["east"]
    assert len(registry.all()) == 1


def test_up_refuses_a_name_that_runs(registry: Registry) -> None:
    run("up")
    result = run("up")
    assert isinstance(result.exception, LabError)
    assert "runs already" in str(result.exception)
    assert len(registry.all()) == 1


def test_up_in_the_foreground_serves_until_it_ends(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def serve(lab: Any, name: str, place: Registry, ready: Callable[[], None]) -> None:
        assert (name, place) == ("lab", registry)
        monkeypatch.setattr(lab, "status", lambda: state_of(tmp_path))
        ready()

    monkeypatch.setattr(cli, "serve", serve)
    result = run("up", "--foreground")
    assert result.exit_code == 0, result.output
    assert "PostgreSQL west" in result.stdout


def test_status_shows_each_lab_on_a_line(registry: Registry, tmp_path: Path) -> None:
    run("up", "--name", "mine")
    add_dead(registry, "old", tmp_path / "old")
    result = run("status")
    assert result.stdout.splitlines() == [
        f"mine: healthy sites east; ledger written at east; {tmp_path}",
        "old: dead; payment-dr lab down clears what is left",
    ]


def test_status_as_json_has_null_for_a_dead_lab(registry: Registry, tmp_path: Path) -> None:
    add_dead(registry, "old", tmp_path / "old")
    assert json.loads(run("status", "--json").stdout) == {"old": None}


def test_status_without_a_lab_says_how_to_start_one(registry: Registry) -> None:
    result = run("status")
    assert not result.stdout
    assert "payment-dr lab up" in result.stderr
    assert not registry.all()


def test_down_ends_the_lab(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    run("up")
    monkeypatch.setattr(cli, "end_detached", lambda record, place: place.remove(record.name))
    result = run("down")
    assert result.exit_code == 0
    assert "ended lab lab" in result.stderr
    assert not registry.all()


def test_down_of_a_dead_lab_clears_what_is_left(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    add_dead(registry, "lab", tmp_path / "left")
    result = run("down")
    assert result.exit_code == 0
    assert "cleared lab lab" in result.stderr
    assert not (tmp_path / "left").exists()


def test_down_of_a_lab_that_does_not_run_names_those_that_do(registry: Registry) -> None:
    assert "running: none" in str(run("down").exception)
    run("up", "--name", "mine")
    result = run("down", "--name", "other")
    assert isinstance(result.exception, PaymentDrError)
    assert "running: mine" in str(result.exception)
    assert len(registry.all()) == 1


def add_dead(registry: Registry, name: str, directory: Path) -> None:
    registry.add(
        LabRecord(name=name, pid=os.getpid(), started=1.0, directory=directory, control_port=1)
    )


def empty_state(directory: Path) -> dict[str, Any]:
    return state_of(directory) | {"bare": True, "merchant_keys": {}, "healthy": []}


def test_an_empty_lab_is_for_a_deployment_and_says_so(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cli, "call_json", lambda *_, **__: empty_state(tmp_path))
    result = run("up", "--empty")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "payment-dr lab deploy"
    assert registry.get("lab") is not None


class FakeDeployment:
    def __init__(self, directory: Path, progress: Callable[[str], None]) -> None:
        assert directory.name == "lab"
        self.progress = progress

    def deploy(self, target: Path) -> Deployed:
        self.progress("stack foundation (1 of 4)")
        return Deployed(
            stacks=(Done(stack="foundation", changed=True, seconds=1.5),),
            outputs=target / "flat-outputs.json",
            endpoints=target / "lab-endpoints.json",
            seconds=30.4,
        )


@pytest.fixture(name="_deployable")
def fixture_deployable(registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty lab that runs, and deployments into it that do nothing."""
    monkeypatch.setattr(cli, "call_json", lambda *_, **__: empty_state(tmp_path))
    run("up", "--empty")
    assert registry.get("lab") is not None
    monkeypatch.setattr("payment_dr.lab.deploy.LabDeployment", FakeDeployment)


@pytest.mark.usefixtures("_deployable")
def test_a_deployment_says_where_its_outputs_are_and_how_to_test_it() -> None:
    result = run("deploy", "--out", "there")
    assert result.exit_code == 0, result.output
    assert "stack foundation (1 of 4)" in result.stderr
    assert result.stdout.splitlines()[:3] == [
        "deployed in 30 s",
        "outputs    there/flat-outputs.json",
        "endpoints  there/lab-endpoints.json",
    ]
    assert "PAYMENT_DR_OUTPUTS=there/flat-outputs.json" in result.stdout
    assert result.stdout.endswith("pytest tests/deployment\n")


@pytest.mark.usefixtures("_deployable")
def test_a_deployment_is_one_json_document() -> None:
    assert json.loads(run("deploy", "--json").stdout) == {
        "stacks": [{"stack": "foundation", "changed": True, "seconds": 1.5}],
        "outputs": "cfn-outputs/flat-outputs.json",
        "endpoints": "cfn-outputs/lab-endpoints.json",
        "seconds": 30.4,
    }


def test_only_an_empty_lab_that_runs_is_deployed_into(registry: Registry, tmp_path: Path) -> None:
    absent = run("deploy")
    assert "no lab named 'lab' runs" in str(absent.exception)
    assert "lab up --empty" in str(absent.exception)
    add_dead(registry, "old", tmp_path / "old")
    assert "no lab named 'old' runs" in str(run("deploy", "--name", "old").exception)
    run("up")
    assert "has resources of its own" in str(run("deploy").exception)
