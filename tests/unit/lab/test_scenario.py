from pathlib import Path

import pytest

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab import scenario


def test_the_scenarios_of_the_main_job_come_with_it() -> None:
    assert {
        "region-loss",
        "switchover",
        "failback",
        "database-loss",
        "grey-failure",
        "isolated-site",
    } <= set(scenario.names())


def test_a_scenario_is_also_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nsummary = "nothing happens"\nsteps = []\n')
    loaded = scenario.load(str(file))
    assert loaded.name == "mine"
    assert not loaded.negative_control


@pytest.mark.parametrize(
    "text",
    [
        'name = "x"\n',
        "name = ",
        'name = "x"\nsummary = ""\nsteps = [{action = "explode"}]\n',
        'name = "x"\nsummary = ""\nsteps = [{action = "sever", wait_s = -1}]\n',
        'name = "x"\nsummary = ""\nsteps = []\n[load]\nrate_per_s = 0\n',
    ],
)
def test_a_scenario_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(PaymentDrError, match="cannot be used"):
        scenario.load(str(file))


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(PaymentDrError, match="region-loss"):
        scenario.load("region-lost")
