"""The routes as data: each request finds one, or is told what the path takes."""

import pytest

from payment_dr.functions.routes import ROUTES, Match, find


def test_every_route_finds_itself() -> None:
    for route in ROUTES:
        path = tuple("x" if part.startswith("{") else part for part in route.parts)
        found = find(route.method, path)
        assert isinstance(found, Match)
        assert found.route is route
        assert list(found.named) == [p.strip("{}") for p in route.parts if p.startswith("{")]


def test_no_operation_is_there_twice() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert len({route.operation_id for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (("v1", "payments"), ("POST", "GET")),
        (("v1", "payments", "x"), ("GET",)),
        (("v1", "payments", "x", "void"), ("POST",)),
        (("v1", "payments", "x", "chargebacks"), ()),
        (("v1", "payments", ""), ("GET",)),
        (("v2", "payments"), ()),
        (("",), ()),
    ],
)
def test_a_path_knows_its_methods(path: tuple[str, ...], methods: tuple[str, ...]) -> None:
    assert find("DELETE", path) == methods
