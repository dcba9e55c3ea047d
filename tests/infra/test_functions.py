from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.surroundings import CODE_HASH, DATA_KEY, LEDGER, LOGS_KEY, MESSAGES_KEY, functions_props
from infra.synthesized import (
    Body,
    StackJson,
    deployed,
    resources,
    statements,
    synthesize_at,
    the,
    the_name,
)
from payment_dr.core.settings import Settings
from payment_dr.functions.catalogue import FUNCTIONS, Function, function
from payment_dr.functions.environment import environment_from
from payment_dr.infra.constructs.functions import SiteFunctions
from payment_dr.infra.function_variables import function_variables
from payment_dr.infra.permissions import is_asynchronous
from payment_dr.infra.place import Place, places

VARIABLES_BYTES_MAX = 4096
NAMES = [one.name for one in FUNCTIONS]
MADE = {place.site.name: place for place in places(deployed())}


def synthesized(place: Place, package: Path) -> StackJson:
    return synthesize_at(
        place, lambda stack: SiteFunctions(stack, "functions", functions_props(place, package))
    )


@pytest.fixture(scope="module", name="package")
def made_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("package") / "functions.zip"
    written.write_bytes(b"what the functions run")
    return written


@pytest.fixture(scope="module", name="stacks")
def made_stacks(package: Path) -> Mapping[str, StackJson]:
    return {name: synthesized(place, package) for name, place in MADE.items()}


@pytest.fixture(params=MADE, name="place")
def made_place(request: pytest.FixtureRequest) -> Place:
    found: Place = MADE[request.param]
    return found


@pytest.fixture(name="stack")
def made_stack(place: Place, stacks: Mapping[str, StackJson]) -> StackJson:
    return stacks[place.site.name]


@pytest.fixture(params=NAMES, name="one")
def made_one(request: pytest.FixtureRequest) -> Function:
    return function(request.param)


def made(stack: StackJson, place: Place, name: str) -> Body:
    return the(stack, "aws_lambda_function", function_name=place.name(name))


def referred(stack: StackJson, place: Place, name: str, attribute: str) -> str:
    found = the_name(stack, "aws_lambda_function", function_name=place.name(name))
    return f"${{aws_lambda_function.{found}.{attribute}}}"


def alias(stack: StackJson, place: Place, name: str) -> tuple[str, Body]:
    calls = referred(stack, place, name, "function_name")
    found = the_name(stack, "aws_lambda_alias", function_name=calls)
    return f"aws_lambda_alias.{found}", resources(stack, "aws_lambda_alias")[found]


def test_both_sites_have_every_function_and_nothing_else(stack: StackJson, place: Place) -> None:
    found = [body["function_name"] for body in resources(stack, "aws_lambda_function").values()]
    assert sorted(found) == sorted(place.name(name) for name in NAMES)


def test_every_function_runs_its_real_handler_from_the_one_package(
    stack: StackJson, place: Place, one: Function
) -> None:
    body = made(stack, place, one.name)
    assert body["handler"] == one.lambda_handler
    assert body["filename"].endswith("/functions.zip")
    assert body["source_code_hash"] == CODE_HASH
    assert (body["runtime"], body["architectures"]) == ("python3.13", ["arm64"])
    assert (body["memory_size"], body["timeout"]) == (one.memory_mb, one.timeout_s)


def test_both_sites_run_the_same_bytes_in_the_same_room(stacks: Mapping[str, StackJson]) -> None:
    sides = [
        {
            name: tuple(
                made(stacks[site], MADE[site], name)[argument]
                for argument in (
                    "source_code_hash",
                    "reserved_concurrent_executions",
                    "memory_size",
                    "timeout",
                )
            )
            for name in NAMES
        }
        for site in MADE
    ]
    assert sides[0] == sides[1]


def test_a_function_writes_to_a_log_group_of_its_own_that_is_kept_and_sealed(
    stack: StackJson, place: Place, one: Function
) -> None:
    body = made(stack, place, one.name)
    group = the_name(stack, "aws_cloudwatch_log_group", name=f"/aws/lambda/{place.name(one.name)}")
    # A reference, so the group is there before Lambda would make one without key and end.
    assert body["logging_config"] == {
        "log_format": "JSON",
        "log_group": f"${{aws_cloudwatch_log_group.{group}.name}}",
    }
    kept = resources(stack, "aws_cloudwatch_log_group")[group]
    assert (kept["retention_in_days"], kept["kms_key_id"]) == (365, LOGS_KEY)


def test_no_two_functions_share_a_role_and_its_policies_are_there_first(
    stack: StackJson, place: Place
) -> None:
    roles = {made(stack, place, name)["role"] for name in NAMES}
    assert len(roles) == len(NAMES)
    for name in NAMES:
        role = the_name(stack, "aws_iam_role", name=place.name(name))
        own = {
            f"aws_iam_role_policy.{found}"
            for found, body in resources(stack, "aws_iam_role_policy").items()
            if body["role"] == f"${{aws_iam_role.{role}.name}}"
        }
        assert len(own) == (3 if name in {"api", "initialise"} else 2)  # a token is a third thing
        assert own <= set(made(stack, place, name)["depends_on"])


def test_only_lambda_takes_the_roles(stack: StackJson) -> None:
    for role in resources(stack, "aws_iam_role").values():
        trusted = statements(role["assume_role_policy"])["Assume"]
        assert trusted["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_callers_name_an_alias_of_a_published_version(
    stack: StackJson, place: Place, one: Function
) -> None:
    assert made(stack, place, one.name)["publish"] is True
    _, body = alias(stack, place, one.name)
    assert body["name"] == "live"
    assert body["function_version"] == referred(stack, place, one.name, "version")


def test_the_payment_api_is_kept_warm_alike_at_both_sites(
    stacks: Mapping[str, StackJson],
) -> None:
    for site, place in MADE.items():
        warm = the(stacks[site], "aws_lambda_provisioned_concurrency_config")
        assert warm["function_name"] == referred(stacks[site], place, "api", "function_name")
        assert warm["qualifier"] == f"${{{alias(stacks[site], place, 'api')[0]}.name}}"
        assert warm["provisioned_concurrent_executions"] == 5


def test_nothing_is_kept_warm_when_the_settings_say_none(package: Path) -> None:
    place = places(deployed({"provisioned_concurrency": 0}))[0]
    stack = synthesized(place, package)
    assert not resources(stack, "aws_lambda_provisioned_concurrency_config")


@pytest.mark.parametrize(
    ("name", "most"), [("api", 100), ("poster", 1), ("rotation", 1), ("watcher", 5)]
)
def test_every_function_has_room_that_nobody_else_takes(
    stack: StackJson, place: Place, name: str, most: int
) -> None:
    assert made(stack, place, name)["reserved_concurrent_executions"] == most
    for other in NAMES:
        assert made(stack, place, other)["reserved_concurrent_executions"] > 0


def test_a_function_is_in_all_private_subnets_behind_its_group_and_is_traced(
    stack: StackJson, place: Place, one: Function
) -> None:
    body = made(stack, place, one.name)
    assert body["vpc_config"] == {
        "subnet_ids": ["subnet-a", "subnet-b", "subnet-c"],
        "security_group_ids": ["sg-functions"],
    }
    assert body["tracing_config"] == {"mode": "Active"}


def test_a_failed_call_that_nobody_waits_for_is_kept(stack: StackJson, place: Place) -> None:
    queue = the_name(stack, "aws_sqs_queue", name=place.name("dead-letters"))
    kept = resources(stack, "aws_lambda_function_event_invoke_config").values()
    by_function = {body["function_name"]: body for body in kept}
    for each in FUNCTIONS:
        body = by_function.pop(referred(stack, place, each.name, "function_name"), None)
        assert (body is not None) is is_asynchronous(each), each.name
        if body is not None:
            failed = body["destination_config"]["on_failure"]["destination"]
            assert failed == f"${{aws_sqs_queue.{queue}.arn}}"
    assert not by_function


def test_settings_of_failed_calls_are_those_of_the_name_that_is_called(
    stack: StackJson, place: Place
) -> None:
    poster, rotation = (
        the(
            stack,
            "aws_lambda_function_event_invoke_config",
            function_name=referred(stack, place, name, "function_name"),
        )
        for name in ("poster", "rotation")
    )
    assert poster["qualifier"] == f"${{{alias(stack, place, 'poster')[0]}.name}}"
    assert poster["maximum_retry_attempts"] == 0
    assert poster["maximum_event_age_in_seconds"] == 900
    # Secrets Manager calls the function without its alias.
    assert "qualifier" not in rotation
    assert rotation["maximum_retry_attempts"] == 2


def test_dead_letters_are_sealed_kept_for_two_weeks_and_sent_by_tls_alone(
    stack: StackJson, place: Place
) -> None:
    queue = the(stack, "aws_sqs_queue", name=place.name("dead-letters"))
    assert queue["message_retention_seconds"] == 14 * 24 * 3600
    assert queue["kms_master_key_id"] == MESSAGES_KEY
    policy = statements(the(stack, "aws_sqs_queue_policy")["policy"])
    assert policy["OnlyTls"]["Effect"] == "Deny"
    assert policy["OnlyTls"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert policy["RulesOfThisSite"]["Principal"] == {"Service": "events.amazonaws.com"}
    assert place.site.name in str(policy["RulesOfThisSite"]["Condition"])


def variables(stack: StackJson, place: Place, name: str) -> dict[str, str]:
    found: dict[str, Any] = made(stack, place, name)["environment"]["variables"]
    return found


def test_a_function_reads_from_its_environment_what_was_synthesized(
    stack: StackJson, place: Place, one: Function, settings: Settings
) -> None:
    environment = environment_from(variables(stack, place, one.name))
    assert environment.settings == settings
    assert environment.site == place.site.name
    assert environment.own_url == f"https://{place.site.name}.api.payments.example"
    assert environment.peer_health_url == f"https://{place.peer.name}.api.payments.example/health"
    assert environment.evidence_bucket == (f"payments-evidence-{place.site.name}-prod-123456789012")
    assert environment.aws is None
    assert environment.provider_url is None
    assert environment.dns is None
    assert environment.peer_ledger is None


def test_an_environment_is_sealed_and_fits_into_what_lambda_takes(
    stack: StackJson, place: Place, one: Function
) -> None:
    assert made(stack, place, one.name)["kms_key_arn"] == DATA_KEY
    spelled = variables(stack, place, one.name).items()
    assert sum(len(name) + len(value) for name, value in spelled) < VARIABLES_BYTES_MAX


def test_no_environment_holds_a_secret(stack: StackJson, place: Place, one: Function) -> None:
    spelled = str(variables(stack, place, one.name)).lower()
    for word in ("password", "secret", "sk_", "api_key", "token"):
        assert word not in spelled


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("api", "proxy.test"),
        ("poster", "writer.test,reader.test"),
        ("confirmer", "writer.test,reader.test"),
        ("watcher", "writer.test,reader.test"),
        ("recovery", "writer.test,reader.test"),
    ],
)
def test_what_scales_out_logs_in_by_the_proxy_and_who_looks_at_replicas_at_the_cluster(
    home: Place, name: str, host: str
) -> None:
    found = function_variables(function(name), home, LEDGER)
    assert found["PAYMENT_DR_LEDGER_HOST"] == host
