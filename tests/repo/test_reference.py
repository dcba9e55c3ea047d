"""The generated reference is what the code says now."""

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from botocore import xform_name
from botocore.session import get_session
from typer import Typer
from typer.core import TyperGroup
from typer.main import get_command

from payment_dr.adapters.settings_file import example
from payment_dr.cli.commands import COMMANDS
from payment_dr.cli.main import build, overview

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def generator(name: str = "generate") -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
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


@pytest.fixture(scope="session", name="told")
def _told() -> tuple[dict[str, str], str]:
    """Pages and picture of the synthesized stacks, which take seconds."""
    stacks, diagram = generator("stacks"), generator("diagram")
    found = stacks.read()
    return stacks.pages(found), diagram.svg(found.settings, found.resources)


def test_a_page_about_the_stacks_is_up_to_date(told: tuple[dict[str, str], str]) -> None:
    pages, _ = told
    assert len(pages) >= 5
    stale = [name for name, text in pages.items() if text != (DOCS / name).read_text()]
    assert stale == [], "run: make docs"


def test_the_picture_of_the_stacks_is_up_to_date(told: tuple[dict[str, str], str]) -> None:
    assert told[1] == generator("diagram").TARGET.read_text(), "run: make docs"


def test_what_crosses_regions_unexplained_is_refused() -> None:
    stacks = generator("stacks")
    settings = example("production")
    region = settings.peer(settings.home).region
    found = stacks.Read(
        settings=settings,
        resources={"east": {"aws_sqs_queue": {"far": {"name": f"queue-{region}"}}}},
        outputs={},
    )
    with pytest.raises(ValueError, match="aws_sqs_queue"):
        stacks.crossings(found)


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


def shown_commands() -> list[str]:
    """Lines behind a prompt, and words in backquotes that begin like a command of ours."""
    pages = [
        ROOT / "README.md",
        *DOCS.glob("tutorial/*.md"),
        *DOCS.glob("how-to/**/*.md"),
        *DOCS.glob("explanation/*.md"),
    ]
    texts = [page.read_text() for page in pages]
    lines = [line for text in texts for line in text.splitlines() if line.startswith("$ ")]
    inline = [" ".join(words.split()) for t in texts for words in re.findall(r"`([^`]+)`", t)]
    prompted = [re.sub(r"^\$ (\.venv/bin/)?", "", line) for line in lines]
    return prompted + [words for words in inline if words.startswith(("payment-dr ", "aws "))]


def documented_commands() -> list[list[str]]:
    found = sorted({line for line in shown_commands() if line.startswith("payment-dr ")})
    return [shlex.split(line)[1:] for line in found]


@pytest.mark.parametrize("words", documented_commands(), ids=" ".join)
def test_a_command_that_the_documentation_shows_exists_with_its_options(words: list[str]) -> None:
    command = get_command(build())
    words = list(words)
    while isinstance(command, TyperGroup):
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_documentation_shows_commands() -> None:
    assert len(documented_commands()) >= 30


GLOBAL_OPTIONS = {"region", "query", "output", "max-items", "cli-binary-format"}
"""Of the AWS CLI itself."""


def unknown_to_aws(words: list[str]) -> list[str]:
    """What `aws SERVICE OPERATION --option ...` names and AWS's own description lacks."""
    service, operation, *rest = words
    model = get_session().get_service_model({"s3api": "s3"}.get(service, service))
    operations = {xform_name(name, "-"): name for name in list(model.operation_names)}
    if operation not in operations:
        return [operation]
    shape = model.operation_model(operations[operation]).input_shape
    members = {} if shape is None else dict(shape.members)
    known = {xform_name(name, "-") for name in members} | GLOBAL_OPTIONS
    # A yes or no is written without a value.
    known |= {f"no-{xform_name(n, '-')}" for n, m in members.items() if m.type_name == "boolean"}
    options = [word.removeprefix("--") for word in rest if word.startswith("--")]
    return [option for option in options if option not in known]


def aws_commands() -> list[str]:
    """Each once; the CLI's own `aws logs tail` is left out."""
    shown = {line for line in shown_commands() if line.startswith("aws ")}
    return sorted(line for line in shown if len(line.split()) > 2 and "logs tail" not in line)


@pytest.mark.parametrize("line", aws_commands())
def test_a_command_of_aws_that_the_documentation_shows_exists_with_its_options(line: str) -> None:
    assert unknown_to_aws(shlex.split(line.partition(" > ")[0])[1:]) == []


def test_a_command_that_aws_does_not_have_is_found() -> None:
    assert unknown_to_aws(["rds", "delete-everything"]) == ["delete-everything"]
    assert unknown_to_aws(["rds", "describe-db-clusters", "--cluster", "x"]) == ["cluster"]
    assert unknown_to_aws(["rds", "modify-db-cluster", "--no-deletion-protection"]) == []
    assert len(aws_commands()) >= 30


def test_a_target_of_make_that_the_documentation_shows_exists() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    shown = [line.split()[1] for line in shown_commands() if line.startswith("make ")]
    assert "setup-infra" in shown
    assert set(shown) <= set(targets)


def unknown_tests(text: str) -> list[str]:
    """What a text names as `tests/file.py::test` and is not there."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text)
    return [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).is_file() or f"def {test}(" not in (ROOT / file).read_text()
    ]


def test_each_test_that_the_pitfalls_rest_on_exists() -> None:
    text = (DOCS / "how-to" / "pitfalls.md").read_text()
    assert text.count("::test_") >= 30
    assert unknown_tests(text) == []


def test_a_test_that_is_gone_is_found() -> None:
    gone = ["tests/repo/test_reference.py::test_that_is_gone", "tests/gone.py::test_gone"]
    assert unknown_tests(" ".join(f"`{name}`" for name in gone)) == gone
