import json

import pytest

from infra.surroundings import CALLEE, LOGS_KEY
from infra.synthesized import StackJson, deployed, resources, synthesize_at, the, the_name
from payment_dr.functions.catalogue import function
from payment_dr.infra.constructs.api import ApiProps, SiteApi
from payment_dr.infra.place import Place, places

MADE = {place.site.name: place for place in places(deployed())}


@pytest.fixture(scope="module", params=MADE, name="place")
def made_place(request: pytest.FixtureRequest) -> Place:
    found: Place = MADE[request.param]
    return found


@pytest.fixture(scope="module", name="stack")
def made_stack(place: Place) -> StackJson:
    props = ApiProps(place=place, logs_key_arn=LOGS_KEY, callee=CALLEE)
    return synthesize_at(place, lambda made: SiteApi(made, "api", props))


def test_every_request_goes_to_the_alias_of_the_payment_function(stack: StackJson) -> None:
    integration = the(stack, "aws_apigatewayv2_integration")
    assert integration["integration_uri"] == CALLEE.invoke_arn
    assert integration["payload_format_version"] == "2.0"
    name = the_name(stack, "aws_apigatewayv2_integration")
    route = the(stack, "aws_apigatewayv2_route")
    assert route["route_key"] == "$default"
    assert route["target"] == f"integrations/${{aws_apigatewayv2_integration.{name}.id}}"


def test_the_api_waits_longer_than_the_function_runs(stack: StackJson) -> None:
    waits_ms = the(stack, "aws_apigatewayv2_integration")["timeout_milliseconds"]
    assert waits_ms > function("api").timeout_s * 1000


def test_clients_come_by_names_with_a_certificate_and_by_nothing_else(
    stack: StackJson, place: Place
) -> None:
    assert the(stack, "aws_apigatewayv2_api")["disable_execute_api_endpoint"] is True
    mapped = resources(stack, "aws_apigatewayv2_api_mapping").values()
    # By name: the names' own stack is not asked.
    assert {body["domain_name"] for body in mapped} == {
        "api.payments.example",
        f"{place.site.name}.api.payments.example",
    }


def test_requests_beyond_what_the_functions_take_are_refused_at_the_door(
    stack: StackJson,
) -> None:
    stage = the(stack, "aws_apigatewayv2_stage")
    assert stage["name"] == "$default"
    assert stage["auto_deploy"] is True
    assert stage["default_route_settings"] == {
        "throttling_burst_limit": 100,
        "throttling_rate_limit": 500,
        "detailed_metrics_enabled": True,
    }


def test_the_access_log_says_who_and_how_long_and_nothing_of_keys_or_payments(
    stack: StackJson,
) -> None:
    logged = json.loads(the(stack, "aws_apigatewayv2_stage")["access_log_settings"]["format"])
    told = " ".join(logged.values()).lower()
    for private in ("header", "authorization", "query", "authorizer", "body"):
        assert private not in told
    assert {"$context.requestId", "$context.status", "$context.path"} <= set(logged.values())


def test_the_access_log_is_kept_and_sealed(stack: StackJson, place: Place) -> None:
    name = f"/aws/vendedlogs/api/{place.name('api')}"
    group = the(stack, "aws_cloudwatch_log_group", name=name)
    assert (group["retention_in_days"], group["kms_key_id"]) == (365, LOGS_KEY)


def test_this_api_alone_may_call_the_alias(stack: StackJson) -> None:
    api = the_name(stack, "aws_apigatewayv2_api")
    permission = the(stack, "aws_lambda_permission")
    assert permission["principal"] == "apigateway.amazonaws.com"
    assert permission["source_arn"] == f"${{aws_apigatewayv2_api.{api}.execution_arn}}/*/$default"
    assert permission["qualifier"] == "live"
    assert permission["function_name"] == CALLEE.function_name
