"""Habits of the repository that no linter knows."""

import importlib
import re
import subprocess
from pathlib import Path

import pytest

from fakes.synthetic import clean_run
from payment_dr.checks.checker import check
from payment_dr.lab import scenario

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
LINES_MAX = 350


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("source", SOURCES, ids=relative)
def test_a_source_file_holds_one_concept_and_says_which(source: Path) -> None:
    text = source.read_text()
    assert text.startswith('"""'), "no docstring says what the module guarantees"
    assert text.count("\n") <= LINES_MAX


@pytest.mark.parametrize("source", SOURCES, ids=relative)
def test_nothing_binds_every_interface(source: Path) -> None:
    assert not re.search(r"(?<![\d.])0\.0\.0\.0(?!/)", source.read_text())


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.txt")), ids=relative)
def test_a_lock_file_names_no_index_and_hashes_every_package(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    packages = re.findall(r"^[a-z0-9][^=\n]*==", text, re.MULTILINE)
    blocks = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
    assert len(packages) == len(blocks)
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_inside_the_documentation_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{target} does not exist"


@pytest.mark.parametrize("name", scenario.names())
def test_a_scenario_is_named_by_its_file_and_its_handler_exists(name: str) -> None:
    loaded = scenario.load(name)
    assert loaded.name == name
    module, function = loaded.api_handler.split(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_every_scenario_marks_one_fault() -> None:
    for name in scenario.names():
        faults = sum(step.fault for step in scenario.load(name).steps)
        assert faults == 1, name


def test_every_decision_has_its_number_once() -> None:
    numbers = [page.name[:4] for page in (ROOT / "docs" / "decisions").glob("*.md")]
    assert len(numbers) == len(set(numbers))


def test_the_make_targets_that_the_readme_names_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)\b(?! a)", (ROOT / "README.md").read_text()))
    assert named <= targets
    assert {"drill", "test"} <= named


def test_the_working_tree_ignores_what_the_targets_make() -> None:
    made = [".venv/bin/python", "reports/latest", ".coverage", ".mypy_cache/x"]
    ignored = subprocess.run(
        ["git", "check-ignore", *made], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ignored.stdout.split() == made


def test_what_a_negative_control_must_break_is_a_claim_that_the_checker_judges() -> None:
    judged = {claim.name for claim in check(clean_run(seed=1).evidence()).claims}
    loaded = [scenario.load(name) for name in scenario.names()]
    controls = [one for one in loaded if one.negative_control]
    assert len(controls) >= 3
    for one in controls:
        assert set(one.must_break) <= judged, one.name
