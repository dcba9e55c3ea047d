"""Which plans are read, and what is said of others."""

import json
from pathlib import Path

import pytest

from lab.fake_service import KEYS
from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.load.plan import read_plan

LEAST = {"seed": 1, "keys": KEYS, "settle_s": 5}


def written(path: Path, document: object, mode: int = 0o600) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_plan_needs_seed_keys_and_time_to_settle(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path / "plan.json", LEAST))
    assert (plan.seed, plan.keys, plan.settle_s, plan.rate_per_s) == (1, KEYS, 5, 100)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610])
def test_a_plan_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "plan.json", LEAST, mode)
    with pytest.raises(PaymentDrError, match=f"mode {mode:04o}") as refused:
        read_plan(path)
    assert refused.value.remedy == f"chmod 600 {path}"


def test_a_missing_plan_is_named(tmp_path: Path) -> None:
    with pytest.raises(PaymentDrError, match=r"none.json cannot be read: No such file"):
        read_plan(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"keys": {}}, "keys: "),
        ({"rate_per_s": 0}, "rate_per_s: "),
        ({"speed": 1}, "speed: "),
        ({"attempts_max": 0}, "attempts_max: "),
    ],
)
def test_values_that_cannot_be_used_are_named_without_the_keys(
    tmp_path: Path, changes: dict[str, object], problem: str
) -> None:
    with pytest.raises(PaymentDrError, match=problem) as refused:
        read_plan(written(tmp_path / "plan.json", {**LEAST, **changes}))
    assert not any(key in str(refused.value) for key in KEYS.values())


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "plan.json", LEAST)
    path.write_text("seed = 1", encoding="utf-8")
    with pytest.raises(PaymentDrError, match="plan: Invalid JSON"):
        read_plan(path)
