"""Whoever builds a package is told when its functions will start later than they could."""

from pathlib import Path

import pytest

from payment_dr.cli.stacks import say_unless_compiled
from payment_dr.infra.package import FunctionPackage

WHY = "npm cannot be reached"


def package(*files: str) -> FunctionPackage:
    return FunctionPackage(
        path=Path("functions.zip"), sha256="0", size_bytes=1, files=files, why_not_compiled=WHY
    )


def test_a_package_that_is_not_compiled_says_what_that_costs_and_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_unless_compiled(package("a.py"))
    assert f"functions start later: {WHY}" in capsys.readouterr().err


def test_nothing_is_said_of_one_that_is(capsys: pytest.CaptureFixture[str]) -> None:
    say_unless_compiled(package("a.py", "__pycache__/a.cpython-313.pyc"))
    assert not capsys.readouterr().err
