"""One catalogue of errors: whole, unambiguous, and nothing is answered that is not in it."""

import ast
from http import HTTPStatus
from pathlib import Path

from payment_dr import functions
from payment_dr.functions.error_catalogue import CATALOGUE, DECLINES, Code
from payment_dr.functions.openapi import codes_of
from payment_dr.functions.routes import ROUTES
from payment_dr.payments import claiming, completing, rules
from payment_dr.payments.requests import Fault

PUBLIC = {Code.NO_SUCH_ROUTE, Code.METHOD_NOT_ALLOWED}
"""What is answered before there is a route."""

SOURCES = sorted(Path(next(iter(functions.__path__))).glob("*.py"))


def test_every_code_has_its_entry_and_advice() -> None:
    assert list(CATALOGUE) == list(Code)
    for code, entry in CATALOGUE.items():
        assert entry.code is code
        assert entry.title[0].isupper()
        assert entry.advice.endswith(".")


def test_codes_come_in_the_order_of_their_statuses() -> None:
    statuses = [entry.status for entry in CATALOGUE.values()]
    assert statuses == sorted(statuses)
    assert all(status >= HTTPStatus.BAD_REQUEST for status in statuses)


def test_what_may_be_retried_under_the_same_key_is_what_can_change() -> None:
    assert {code for code, entry in CATALOGUE.items() if entry.retry} == {
        Code.IN_PROGRESS,
        Code.INTERNAL,
        Code.UNAVAILABLE,
        Code.OUTCOME_UNKNOWN,
    }


def test_every_code_is_answered_by_some_route() -> None:
    answered = {code for route in ROUTES for code in codes_of(route)}
    assert answered | PUBLIC == set(Code)


def test_what_is_refused_before_a_claim_has_a_code_of_the_catalogue() -> None:
    assert {fault.value for fault in Fault} <= {code.value for code in Code}
    assert Code(claiming.TOO_MANY_OPERATIONS) is Code.TOO_MANY_OPERATIONS


def test_a_problem_is_only_made_of_a_code_of_the_catalogue() -> None:
    makers = {"problem", "refused", "BodyError", "_bad", "_invalid"}
    found = [
        (source.name, node.args[0])
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_bytes()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in makers and node.args
    ]
    literal = [(name, a.value) for name, a in found if isinstance(a, ast.Constant)]
    # A literal may only be the words of `_invalid`, whose code is fixed.
    assert {name for name, _ in literal} <= {"json_bodies.py"}
    assert len(found) > 25


def test_our_own_declines_are_explained() -> None:
    tree = ast.parse(Path(str(rules.__file__)).read_bytes())
    ours = {code for node in ast.walk(tree) if (code := _code(node))} - {"already_charged"}
    assert {*ours, completing.NOT_FOUND_AT_PROVIDER} == set(DECLINES)


def _code(node: ast.AST) -> str:
    """The text of a constant that looks like a code, else nothing."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
        return node.value if "_" in node.value else ""
    return ""
