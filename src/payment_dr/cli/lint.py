"""`payment-dr lint`: judge plans by the rules of disaster recovery.

Loads only what linting needs: the whole command takes less than a second.
"""

import sys
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated, assert_never

import typer

from payment_dr.adapters.configuration_files import read_configuration
from payment_dr.adapters.plan_files import example, read_plan
from payment_dr.cli.lint_view import json_text, rules_text, sarif_text, show
from payment_dr.lint.configuration import Configuration
from payment_dr.lint.engine import Ignored, lint
from payment_dr.lint.finding import Result, Severity
from payment_dr.lint.page import index_page, page, reference_page
from payment_dr.lint.plan import Plan
from payment_dr.lint.rule import Rule
from payment_dr.lint.rules import RULES


@unique
class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command(
        "lint",
        epilog="Examples: payment-dr lint plan.json; payment-dr lint plan.json --config .; "
        "terraform show -json plan.bin | payment-dr lint - --format sarif; "
        "payment-dr lint east.json west.json links.json. "
        "Exit codes: 0 no error found, 1 errors found (with --strict also warnings), 2 bad input.",
    )(lint_command)


def lint_command(  # pylint: disable=too-many-arguments; they are options
    *,
    plans: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PLAN]...",
            show_default=False,
            help="Plans in JSON (`terraform show -json plan.bin`), - for standard input; several "
            "are judged together, as one system.",
        ),
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(
            show_default=False,
            help="Directory or file with the configuration (.tf, .tf.json) of the plan, for rules "
            "about lifecycle and backend; one per plan, in the same order.",
        ),
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail too.")] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE[=ADDRESS]",
            show_default=False,
            help="Leave out the findings of a rule, everywhere or at one address.",
        ),
    ] = None,
    objective_acceptance_s: Annotated[
        float, typer.Option(min=1, help="Promised longest time without an accepted payment.")
    ] = 60,
    list_rules: Annotated[bool, typer.Option("--list-rules", help="Print all rules.")] = False,
    explain: Annotated[
        str | None,
        typer.Option(metavar="RULE", show_default=False, help="Print a rule with its examples."),
    ] = None,
) -> None:
    """Find in plans of Terraform or OpenTofu what would fail in a regional failover."""
    if list_rules:
        sys.stdout.write(rules_text(RULES))
        return
    if explain is not None:
        _explain(_rule(explain, "--explain"))
        return
    if not plans:
        raise typer.BadParameter(
            "give a plan: terraform show -json plan.bin > plan.json; payment-dr lint plan.json"
        )
    configurations = _configurations(config or [], len(plans))
    result = lint(
        Plan([read_plan(path) for path in plans]),
        configurations=configurations,
        acceptance_s=objective_acceptance_s,
        ignored=[_ignored(one) for one in ignore or []],
    )
    _print(result, Format.JSON if json else output, [path.as_posix() for path in plans])
    failing = result.count(Severity.ERROR) + (result.count(Severity.WARNING) if strict else 0)
    raise typer.Exit(1 if failing else 0)


def reference_pages() -> dict[str, str]:
    """Pages of the reference by file name, which `make docs` writes to docs/reference/lint."""
    made = {"README.md": index_page(RULES)}
    for rule in RULES:
        both = example(rule.rule_id)
        made[f"{rule.rule_id}.md"] = reference_page(
            rule, failing=both.failing, passing=both.passing
        )
    return made


def _configurations(given: list[Path], plans: int) -> list[Configuration | None]:
    if not given:
        return [None] * plans
    if len(given) != plans:
        raise typer.BadParameter(
            f"{len(given)} --config for {plans} plans: give one per plan, in the same order"
        )
    return [read_configuration(path) for path in given]


def _ignored(text: str) -> Ignored:
    rule_id, _, address = text.partition("=")
    return Ignored(rule_id=_rule(rule_id, "--ignore").rule_id, address=address or None)


def _rule(name: str, option: str) -> Rule:
    """The rule of an id or name."""
    for rule in RULES:
        if name.lower() in (rule.rule_id.lower(), rule.name):
            return rule
    raise typer.BadParameter(f"{option}: no rule {name!r}; payment-dr lint --list-rules names all")


def _explain(rule: Rule) -> None:
    examples = example(rule.rule_id)
    sys.stdout.write(page(rule, failing=examples.failing, passing=examples.passing))


def _print(result: Result, output: Format, plans: list[str]) -> None:
    match output:
        case Format.TEXT:
            show(result, RULES, plans)
        case Format.JSON:
            sys.stdout.write(json_text(result, RULES, plans))
        case Format.SARIF:
            sys.stdout.write(sarif_text(result, RULES, plans))
        case unreachable:
            assert_never(unreachable)
