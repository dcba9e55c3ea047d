"""Pages, SARIF and what is left out on purpose."""

import json
from pathlib import Path

import msgspec

from fakes.terraform_plan import document
from payment_dr.adapters.plan_files import example
from payment_dr.cli.lint import reference_pages
from payment_dr.lint.engine import Ignored, lint
from payment_dr.lint.finding import Result, Severity
from payment_dr.lint.page import index_page, page, reference_page
from payment_dr.lint.plan import Plan
from payment_dr.lint.rules import RULES
from payment_dr.lint.sarif import sarif

FAILING = {
    "resource": {
        "aws_dynamodb_table": {"a": {"name": "a"}, "b": {"name": "b"}},
        "aws_iam_policy": {"later": {"policy": "${local.policy}"}},
    }
}


def judge(*ignored: Ignored) -> Result:
    return lint(Plan([document(FAILING)]), configurations=[None], acceptance_s=60, ignored=ignored)


def test_findings_can_be_left_out_everywhere_or_at_an_address() -> None:
    everywhere = judge(Ignored(rule_id="PDR804", address=None))
    at_one = judge(Ignored(rule_id="PDR804", address="aws_dynamodb_table.a"))
    assert (len(judge().findings), everywhere.findings, everywhere.ignored) == (2, (), 2)
    assert [one.place.address for one in at_one.findings] == ["aws_dynamodb_table.b"]
    assert at_one.ignored == 1


def test_findings_are_counted_by_severity() -> None:
    result = judge()
    assert [result.count(severity) for severity in Severity] == [0, 2, 0]


def test_sarif_names_the_resource_and_what_was_not_judged() -> None:
    log = sarif(judge(), rules=RULES, plans=["plan.json"], version="1.0")
    body = json.loads(msgspec.json.encode(log))
    (run,) = body["runs"]
    assert (body["version"], body["$schema"]) == (
        "2.1.0",
        "https://json.schemastore.org/sarif-2.1.0.json",
    )
    first = run["results"][0]
    rules = run["tool"]["driver"]["rules"]
    assert rules[first["ruleIndex"]]["id"] == first["ruleId"] == "PDR804"
    assert first["level"] == "warning"
    (location,) = first["locations"]
    assert location["logicalLocations"] == [
        {"fullyQualifiedName": "aws_dynamodb_table.a", "kind": "resource"}
    ]
    assert location["physicalLocation"] == {"artifactLocation": {"uri": "plan.json"}}
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [note["associatedRule"]["id"] for note in notes] == ["PDR103", "PDR701", "PDR802"]
    assert "aws_iam_policy.later not judged" in notes[2]["message"]["text"]


def test_every_rule_has_a_page_with_its_examples() -> None:
    for rule in RULES:
        examples = example(rule.rule_id)
        made = page(rule, failing=examples.failing, passing=examples.passing)
        assert made.startswith(f"# {rule.rule_id}: {rule.title}\n")
        assert all(f"## {part}\n" in made for part in ("Why", "Remedy", "Fails", "Passes"))
        assert ("--config" in made) == rule.needs_configuration or "--config" in rule.looks_at
        assert reference_page(rule, failing="{}", passing="{}").startswith("<!-- Generated")


def test_the_index_links_every_page() -> None:
    index = index_page(RULES)
    assert all(f"[{rule.rule_id}]({rule.rule_id}.md)" in index for rule in RULES)


def test_the_reference_is_what_the_rules_say_now() -> None:
    folder = Path(__file__).parents[3] / "docs" / "reference" / "lint"
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert written == reference_pages(), "run: make docs"
