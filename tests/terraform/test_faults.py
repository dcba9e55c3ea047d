"""Each planted fault is found by the real engine, whose error names it; what is right passes."""

import pytest

from terraform.faults import FAULTS, Fault, Stage
from terraform.workspace import Workspace


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_planted_fault_is_found_and_named(workspace: Workspace, fault: Fault) -> None:
    workspace.write(fault.configuration)
    found = workspace.terraform(fault.stage, "-no-color")
    assert found.code == 1, found.output
    assert [name for name in fault.names if name not in found.flat] == [], found.output


def test_faults_are_of_different_kinds_and_found_before_anything_is_applied() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 24
    assert {fault.stage for fault in FAULTS} == set(Stage)
