import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from infra.synthesized import StackJson, deployed, resources, synthesize, the
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.infra.package import FunctionPackage
from payment_dr.infra.place import Place, places
from payment_dr.infra.stacks.site import site_stack

MADE = {place.site.name: place for place in places(deployed())}
ROLES = ("primary", "secondary", "active", "standby")


@pytest.fixture(scope="module", name="stacks")
def made_stacks(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, StackJson]:
    written = tmp_path_factory.mktemp("package") / "functions.zip"
    written.write_bytes(b"what the functions run")
    package = FunctionPackage(path=written, sha256="ab" * 32, size_bytes=22, files=())

    def synthesized(place: Place) -> StackJson:
        return synthesize(lambda app: site_stack(app, place, package))

    return {name: synthesized(place) for name, place in MADE.items()}


@pytest.fixture(params=MADE, name="place")
def made_place(request: pytest.FixtureRequest) -> Place:
    found: Place = MADE[request.param]
    return found


@pytest.fixture(name="stack")
def made_stack(place: Place, stacks: Mapping[str, StackJson]) -> StackJson:
    return stacks[place.site.name]


def values(node: Any) -> Iterator[str]:
    """Every text in a document, keys aside."""
    if isinstance(node, Mapping):
        for child in node.values():
            yield from values(child)
    elif isinstance(node, list):
        for child in node:
            yield from values(child)
    elif isinstance(node, str):
        yield node


def test_a_site_is_planned_without_asking_another_state_or_region(
    stack: StackJson, place: Place
) -> None:
    assert "data" not in stack
    [provider] = stack["provider"]["aws"]
    assert provider["region"] == place.site.region
    assert stack["terraform"]["backend"]["s3"]["region"] == place.site.region
    for kind in stack["resource"].values():
        for body in kind.values():
            assert body.get("region", place.site.region) == place.site.region


def test_both_sites_have_the_same_but_for_what_home_alone_makes(
    stacks: Mapping[str, StackJson],
) -> None:
    counted = [
        {kind: len(made) for kind, made in stacks[name]["resource"].items()} for name in MADE
    ]
    home, peer = counted
    differing = {kind for kind in home if home[kind] != peer.get(kind)}
    # Only the other site can be left home for, so it alone tells people that it was.
    assert peer["aws_cloudwatch_metric_alarm"] == home["aws_cloudwatch_metric_alarm"] + 1
    assert differing == {
        "aws_cloudwatch_metric_alarm",
        "aws_rds_global_cluster",
        "aws_secretsmanager_secret_rotation",
    }
    assert set(peer) < set(home)


def test_no_id_and_no_name_says_a_role_of_the_moment(stack: StackJson) -> None:
    for kind in stack["resource"].values():
        for name, body in kind.items():
            said = [name, *(str(body.get(key, "")) for key in ("name", "function_name"))]
            assert not any(role in word.lower() for role in ROLES for word in said), name


def test_a_role_may_do_nothing_by_a_policy_of_somebody_else_but_what_rds_needs(
    stack: StackJson,
) -> None:
    attached = resources(stack, "aws_iam_role_policy_attachment").values()
    functions = {f"functions_{one.name}_role" for one in FUNCTIONS}
    for body in attached:
        assert not any(name in body["role"] for name in functions)


def test_every_policy_of_a_function_s_calls_is_known_before_anything_exists(
    stack: StackJson,
) -> None:
    calls = resources(stack, "aws_iam_role_policy")
    for one in FUNCTIONS:
        [text] = [
            body["policy"]
            for name, body in calls.items()
            if name.startswith(f"functions_{one.name}_calls_")
        ]
        assert "${" not in text


def test_functions_reach_the_ledger_of_this_site_by_its_endpoints(
    stack: StackJson, place: Place
) -> None:
    by_name = {
        body["function_name"]: body["environment"]["variables"]["PAYMENT_DR_LEDGER_HOST"]
        for body in resources(stack, "aws_lambda_function").values()
    }
    assert by_name[place.name("api")].startswith("${aws_db_proxy.")
    assert by_name[place.name("watcher")].count("${aws_rds_cluster.") == 2


def test_the_machine_calls_the_alias_that_is_deployed(stack: StackJson, place: Place) -> None:
    machine = json.loads(the(stack, "aws_sfn_state_machine")["definition"])
    named = {text for text in values(machine) if text.startswith("arn:aws:lambda:")}
    assert named == {place.arn("lambda", f"function:{place.name('recovery')}:live")}


def test_outputs_are_flat_and_name_what_a_test_of_the_deployment_looks_for(
    stack: StackJson,
) -> None:
    outputs = stack["output"]
    assert {
        "ApiId",
        "ApiUrl",
        "LedgerEndpoint",
        "GlobalClusterIdentifier",
        "StateMachineArn",
        "AlarmTopicArn",
        "EvidenceBucket",
        "BackupVerificationFunctionName",
    } <= set(outputs)
    assert all(isinstance(body["value"], str) for body in outputs.values())


def test_no_password_or_key_is_written_into_the_stack(stack: StackJson) -> None:
    for kind in stack["resource"].values():
        for body in kind.values():
            assert {"master_password", "password", "secret_string"}.isdisjoint(body)
