"""The description of the API: valid, whole, and true of what the API takes and answers."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator

from fakes.composed import API_KEY, FakeWorld
from fakes.provider import DECLINED_METHOD
from payment_dr.functions import api
from payment_dr.functions.error_catalogue import CATALOGUE
from payment_dr.functions.openapi import openapi, openapi_json
from payment_dr.functions.routes import ROUTES

DOCUMENT = openapi()


def test_it_is_valid_openapi() -> None:
    assert not list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors())
    assert json.loads(openapi_json()) == DOCUMENT


def test_every_schema_in_it_is_a_valid_schema() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_route_is_in_it() -> None:
    described = {
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }
    public = {("GET", path) for path in ("/health", "/takeover", "/v1/openapi.json")}
    assert described == public | {("POST", "/provider/events")} | {
        (route.method.value, route.path) for route in ROUTES
    }


def test_whatever_writes_needs_a_key_and_whatever_is_private_a_bearer() -> None:
    for route in ROUTES:
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        names = {parameter["name"] for parameter in operation["parameters"]}
        assert ("Idempotency-Key" in names) is (route.method != "GET")
        assert operation["security"] == [{"apiKey": []}]
        assert {"401", "403", "503"} <= operation["responses"].keys()


def test_every_link_leads_to_an_operation_and_one_of_its_parameters() -> None:
    operations = {
        operation["operationId"]: operation
        for path in DOCUMENT["paths"].values()
        for operation in path.values()
    }
    links = [
        (target, link)
        for operation in operations.values()
        for response in operation["responses"].values()
        for target, link in response.get("links", {}).items()
    ]
    assert len(links) > 8
    for target, link in links:
        names = {p["name"] for p in operations[target]["parameters"] if p["in"] == "path"}
        assert set(link["parameters"]) == names


def test_a_problem_names_only_codes_of_its_status() -> None:
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                named = {code for code in CATALOGUE if f"`{code}`" in response["description"]}
                assert {int(CATALOGUE[code].status) for code in named} <= {int(status)}


def valid(name: str, value: object) -> bool:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("changes", "is_valid"),
    [
        ({}, True),
        ({"metadata": {"a": "x"}}, True),
        ({"currency": "KWD"}, True),
        ({"currency": "XXX"}, False),
        ({"amount": 0}, False),
        ({"amount": 1.5}, False),
        ({"amount": "1"}, False),
        ({"tip": 1}, False),
        ({"metadata": {"a b": "x"}}, False),
        ({"metadata": {"a": "x" * 201}}, False),
        ({"metadata": {"a": 1}}, False),
        ({"metadata": {str(n): "" for n in range(21)}}, False),
        ({"payment_method": "a b"}, False),
    ],
)
def test_the_schema_of_a_payment_says_what_the_api_says(
    changes: dict[str, object], *, is_valid: bool
) -> None:
    body = {"amount": 1250, "currency": "EUR", **changes}
    assert valid("PaymentBody", body) is is_valid
    assert (_send(FakeWorld(), "POST", "/v1/payments", body)[0] == 201) is is_valid


def test_answers_fit_their_schemas() -> None:
    world = FakeWorld()
    payment = _send(world, "POST", "/v1/payments", {"amount": 5, "currency": "EUR"})[1]
    path = f"/v1/payments/{payment['payment_id']}"
    declined = {"amount": 5, "currency": "EUR", "payment_method": DECLINED_METHOD}
    asked = (
        ("PaymentAnswer", _send(world, "GET", path)),
        ("DeclinedAnswer", _send(world, "POST", "/v1/payments", declined, "declined")),
        ("PaymentPage", _send(world, "GET", "/v1/payments")),
        ("BalanceList", _send(world, "GET", "/v1/balances")),
        ("EntryPage", _send(world, "GET", "/v1/ledger_entries")),
        ("EventPage", _send(world, "GET", "/v1/events")),
        ("Problem", _send(world, "GET", "/v1/nowhere")),
        ("Problem", _send(world, "GET", f"/v1/payments/{payment['payment_id'][:-1]}0")),
        ("Health", _send(world, "GET", "/health")),
        ("Takeover", _send(world, "GET", "/takeover")),
    )
    for name, (_, body) in asked:
        _check(name, body)


def test_a_declined_payment_that_is_read_fits_too() -> None:
    world = FakeWorld()
    body = {"amount": 5, "currency": "EUR", "payment_method": DECLINED_METHOD}
    payment = _send(world, "POST", "/v1/payments", body)[1]
    read = _send(world, "GET", f"/v1/payments/{payment['payment_id']}")[1]
    assert read["decline_code"] == "card_declined"
    _check("PaymentAnswer", read)


def test_a_planted_difference_is_found() -> None:
    with pytest.raises(ValidationError):
        _check("Health", {"status": "ok", "site": "east"})


def _check(name: str, value: object) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(value)


def _send(
    world: FakeWorld, method: str, path: str, body: object = None, key: str = "k"
) -> tuple[int, Any]:
    event = {
        "rawPath": path,
        "headers": {"authorization": f"Bearer {API_KEY}", "idempotency-key": key},
        "requestContext": {"http": {"method": method}, "requestId": "r"},
        "body": "" if body is None else json.dumps(body),
    }
    answer = api.answer(world.parts("east"), event)
    return answer["statusCode"], json.loads(answer["body"])
