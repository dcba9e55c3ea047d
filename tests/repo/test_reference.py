"""The generated reference is what the code says now."""

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from typer import Typer
from typer.core import TyperGroup
from typer.main import get_command

from payment_dr.cli.commands import COMMANDS
from payment_dr.cli.main import build, overview

DOCS = Path(__file__).parents[2] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name", ["cli.md", "settings.md", "plans.md", "openapi.json", "errors.md", "api.md"]
)
def test_a_generated_page_is_up_to_date(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert generator().pages()[name] == (DOCS / "reference" / name).read_text(), "run: make docs"


def test_every_command_has_an_example_in_its_help() -> None:
    page = generator().cli_page()
    sections = page.split("\n## ")[1:-1]
    assert len(sections) >= 5
    assert [s.splitlines()[0] for s in sections if "Example" not in s] == []


def commands_of(application: Typer) -> dict[str, str]:
    """Summaries by name."""
    group = get_command(application)
    assert isinstance(group, TyperGroup)
    return {name: c.get_short_help_str(500) for name, c in group.commands.items()}


def test_each_command_is_registered_by_the_module_that_the_table_names() -> None:
    for command in COMMANDS:
        assert command.name in commands_of(build(command.name))


def test_help_tells_of_every_command_what_the_command_tells_of_itself() -> None:
    assert commands_of(overview()) == commands_of(build())


def documented_commands() -> list[list[str]]:
    pages = [DOCS.parent / "README.md", *DOCS.glob("tutorial/*.md")]
    lines = [line for page in pages for line in page.read_text().splitlines()]
    found = [re.sub(r"^\$ (\.venv/bin/)?", "", line) for line in lines if line.startswith("$ ")]
    return [shlex.split(line)[1:] for line in found if line.startswith("payment-dr ")]


@pytest.mark.parametrize("words", documented_commands(), ids=" ".join)
def test_a_command_that_the_documentation_shows_exists_with_its_options(words: list[str]) -> None:
    command = get_command(build())
    words = list(words)
    while isinstance(command, TyperGroup):
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_documentation_shows_commands() -> None:
    assert len(documented_commands()) >= 8
