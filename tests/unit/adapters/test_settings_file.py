from pathlib import Path

import pytest

from payment_dr.adapters.settings_file import SIZE_MAX, example_text, load
from payment_dr.core.errors import SettingsError


@pytest.fixture(name="file")
def fixture_file(tmp_path: Path) -> Path:
    path = tmp_path / "payment-dr.toml"
    path.write_text(example_text("development"))
    return path


def test_the_environment_overrides_one_value_and_leaves_its_neighbours(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENT_DR__PROBES__THRESHOLD", "2")
    assert load(file).probes.threshold == 2
    assert load(file).probes.interval_s == 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("threshold = 3", "threshold = -3", r"probes.threshold: given -3: .*greater"),
        ("threshold = 3", "treshold = 3", r"probes.treshold: no such setting"),
        ('home = "east"', "", r"home: Field required"),
        ('home = "east"', 'home = "north"', r"together: home 'north' is none of the sites"),
        ("[probes]", "[probes", r"is not TOML"),
    ],
)
def test_a_bad_file_is_refused_with_the_place_and_what_is_accepted(
    file: Path, old: str, new: str, told: str
) -> None:
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(SettingsError, match=told):
        load(file)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PAYMENT_DR__PROBS__THRESHOLD", "2", "sets no setting"),
        ("PAYMENT_DR__PROBES__TRESHOLD", "2", "no such setting"),
        ("PAYMENT_DR__SITES", "[not json", "in the environment"),
    ],
)
def test_a_bad_override_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=told):
        load(file)


def test_a_missing_a_huge_and_a_binary_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load(tmp_path / "absent.toml")
    huge = tmp_path / "huge.toml"
    huge.write_text("#" * (SIZE_MAX + 1))
    with pytest.raises(SettingsError, match=f"at most {SIZE_MAX}"):
        load(huge)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not TOML"):
        load(binary)
