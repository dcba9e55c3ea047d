"""Every rule is shown failing on its failing example and passing on its passing one."""

import json
from pathlib import Path

import pytest

from fakes.terraform_plan import document
from payment_dr.adapters.configuration_files import read_configuration
from payment_dr.adapters.plan_files import example
from payment_dr.lint.engine import lint
from payment_dr.lint.finding import Result
from payment_dr.lint.plan import Plan
from payment_dr.lint.rule import Rule
from payment_dr.lint.rules import RULES


def named(rule: Rule) -> str:
    return rule.rule_id


def judge(rule: Rule, text: str, tmp_path: Path) -> Result:
    (tmp_path / "main.tf.json").write_text(text)
    return lint(
        Plan([document(json.loads(text))]),
        configurations=[read_configuration(tmp_path)],
        acceptance_s=60,
        rules=[rule],
    )


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_rule_finds_its_failing_example(rule: Rule, tmp_path: Path) -> None:
    result = judge(rule, example(rule.rule_id).failing, tmp_path)
    assert [one.rule_id for one in result.findings] != []
    assert {one.rule_id for one in result.findings} == {rule.rule_id}
    assert all(one.severity is rule.severity for one in result.findings)


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_rule_accepts_its_passing_example(rule: Rule, tmp_path: Path) -> None:
    result = judge(rule, example(rule.rule_id).passing, tmp_path)
    assert not result.findings
    assert not result.undecided


def test_ids_and_names_are_unique_and_in_order() -> None:
    ids = [rule.rule_id for rule in RULES]
    assert ids == sorted(set(ids))
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_rules_that_need_the_configuration_are_skipped_without_it() -> None:
    plan = Plan([document({})])
    result = lint(plan, configurations=[None], acceptance_s=60)
    assert [one.rule_id for one in result.skipped] == [
        rule.rule_id for rule in RULES if rule.needs_configuration
    ]
    assert all("--config" in one.reason for one in result.skipped)
    assert result.rules == len(RULES) - len(result.skipped)
