"""The part of CloudWatch's metric math that our alarms use: arithmetic, comparisons, and IF.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
A comparison is 1 or 0. Where an operand has no datapoint, or the divisor is 0, there is none.
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Final

from payment_dr.lab.alarms.reader import Reader

Point = float | None

_TOKEN: Final = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z]\w*)|(>=|<=|==|!=|[-+*/<>(),]))")
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_SUMS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
}
_PRODUCTS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "*": operator.mul,
    "/": lambda left, right: left / right,
}


def evaluate(expression: str, points: Mapping[str, Point]) -> Point:
    """The datapoint of an expression, from those of the same period by id.

    Raises:
        LabError: the expression holds something that the lab does not evaluate.
    """
    return _Reader(expression, points).whole()


class _Reader:
    """Reads and computes in one pass; each level of binding is a method."""

    def __init__(self, text: str, points: Mapping[str, Point]) -> None:
        self._points = points
        self._reader = Reader(text, _TOKEN, f"the lab does not evaluate {text!r}")

    def whole(self) -> Point:
        value = self._comparison()
        self._reader.expect_end()
        return value

    def _comparison(self) -> Point:
        return self._chain(self._sum, _COMPARISONS)

    def _sum(self) -> Point:
        return self._chain(self._product, _SUMS)

    def _product(self) -> Point:
        return self._chain(self._operand, _PRODUCTS)

    def _chain(
        self, operand: Callable[[], Point], signs: Mapping[str, Callable[[float, float], float]]
    ) -> Point:
        left = operand()
        while self._reader.at(signs):
            sign = self._reader.take()
            left = _applied(signs[sign], left, operand())
        return left

    def _operand(self) -> Point:
        word = self._reader.take()
        if word[0].isdigit():
            return float(word)
        if word == "(":
            value = self._comparison()
            self._reader.expect(")")
            return value
        if word == "IF":
            return self._if()
        if word in self._points:
            return self._points[word]
        raise self._reader.refused(word)

    def _if(self) -> Point:
        self._reader.expect("(")
        condition = self._comparison()
        self._reader.expect(",")
        then = self._comparison()
        self._reader.expect(",")
        otherwise = self._comparison()
        self._reader.expect(")")
        if condition is None:
            return None
        return then if condition else otherwise


def _applied(compute: Callable[[float, float], float], left: Point, right: Point) -> Point:
    if left is None or right is None:
        return None
    try:
        return float(compute(left, right))
    except ZeroDivisionError:
        return None
