import pytest

from payment_dr.lab.alarms.expression import evaluate
from payment_dr.lab.alarms.model import State
from payment_dr.lab.alarms.rule import holds
from payment_dr.lab.errors import LabError

VALUES = {"a": 6.0, "b": 3.0, "zero": 0.0, "none": None}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a", 6),
        ("2.5", 2.5),
        ("a + b * 2", 12),
        ("(a + b) * 2", 18),
        ("a - b - 1", 2),
        ("a / b / 2", 1),
        ("a > b", 1),
        ("a < b", 0),
        ("a>=6", 1),
        ("a <= 5", 0),
        ("a == 6", 1),
        ("a != 6", 0),
        ("IF(zero > 0, a, b)", 3),
        ("IF(a > 0, 100 * b / a, 0)", 50),
        ("a / zero", None),
        ("a + none", None),
        ("IF(none > 0, a, b)", None),
        ("IF(zero > 0, none, b)", 3),
    ],
)
def test_an_expression_is_what_it_says(expression: str, value: float | None) -> None:
    assert evaluate(expression, VALUES) == value


@pytest.mark.parametrize(
    "expression", ["", "a +", "a b", "(a", "unknown", "RATE(a)", "IF(a, b)", "IF a", "a ? b", "a)"]
)
def test_what_the_lab_does_not_evaluate_is_said(expression: str) -> None:
    with pytest.raises(LabError, match="does not evaluate"):
        evaluate(expression, VALUES)


STATES = {"up": State.OK, "down": State.ALARM, "new": State.INSUFFICIENT_DATA}


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("ALARM(down)", True),
        ('ALARM("down")', True),
        ("ALARM( up )", False),
        ("OK(up)", True),
        ("INSUFFICIENT_DATA(new)", True),
        ("ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:down)", True),
        ("NOT ALARM(down)", False),
        ("NOT NOT ALARM(down)", True),
        ("ALARM(down) AND ALARM(up)", False),
        ("ALARM(up) OR ALARM(down)", True),
        ("ALARM(down) OR ALARM(up) AND ALARM(up)", True),
        ("(ALARM(down) OR ALARM(up)) AND ALARM(up)", False),
        ("TRUE AND NOT FALSE", True),
        ("FALSE", False),
        ("ALARM(new)", False),
    ],
)
def test_a_rule_holds_as_it_says(rule: str, *, value: bool) -> None:
    assert holds(rule, STATES) is value


@pytest.mark.parametrize(
    "rule",
    ["", "ALARM", "ALARM(", "ALARM(down", "alarm(down)", "down", "(TRUE", "TRUE TRUE", 'OK("up'],
)
def test_a_rule_that_cannot_be_read_is_refused(rule: str) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        holds(rule, STATES)


@pytest.mark.parametrize("rule", ["ALARM(gone)", "ALARM(down) OR OK(gone)", "FALSE AND OK(gone)"])
def test_a_rule_over_an_alarm_that_there_is_not_is_refused_in_every_state(rule: str) -> None:
    with pytest.raises(LabError, match="no such alarm"):
        holds(rule, STATES)
