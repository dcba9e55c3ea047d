"""All stacks together: each stands alone, says no role, and comes out the same every time."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from infra.synthesized import StackJson, deployed
from payment_dr.core.errors import SettingsError
from payment_dr.core.settings import Settings
from payment_dr.infra.app import CONTEXT, synthesize
from payment_dr.infra.package import FunctionPackage

STACKS: Final = ("foundation", "east", "west", "links")
ROLES: Final = frozenset({"primary", "secondary", "active", "standby"})

_ARN: Final = re.compile(r"arn:aws[a-z-]*:[^\s\"\\]*")
_HOST: Final = re.compile(r"[a-z0-9.*-]*\.(amazonaws\.com|payments\.example)\b")
_NAMING: Final = re.compile(r"^(name|identifier|.*_(name|identifier))$")

NAME_MAX: Final[Mapping[tuple[str, str], int]] = {
    ("aws_apigatewayv2_api", "name"): 128,
    ("aws_backup_plan", "name"): 50,
    ("aws_backup_vault", "name"): 50,
    ("aws_cloudwatch_composite_alarm", "alarm_name"): 255,
    ("aws_cloudwatch_dashboard", "dashboard_name"): 255,
    ("aws_cloudwatch_event_bus", "name"): 256,
    ("aws_cloudwatch_event_rule", "name"): 64,
    ("aws_cloudwatch_log_group", "name"): 512,
    ("aws_cloudwatch_metric_alarm", "alarm_name"): 255,
    ("aws_db_proxy", "name"): 60,
    ("aws_db_subnet_group", "name"): 255,
    ("aws_dynamodb_table", "name"): 255,
    ("aws_iam_role", "name"): 64,
    ("aws_lambda_function", "function_name"): 64,
    ("aws_rds_cluster", "cluster_identifier"): 63,
    ("aws_rds_cluster_instance", "identifier"): 63,
    ("aws_rds_global_cluster", "global_cluster_identifier"): 63,
    ("aws_s3_bucket", "bucket"): 63,
    ("aws_scheduler_schedule", "name"): 64,
    ("aws_scheduler_schedule_group", "name"): 64,
    ("aws_secretsmanager_secret", "name"): 512,
    ("aws_security_group", "name"): 255,
    ("aws_sfn_state_machine", "name"): 80,
    ("aws_sns_topic", "name"): 256,
    ("aws_sqs_queue", "name"): 80,
}
"""Longest name that AWS takes, by type and argument; others take 128 characters or more."""


@pytest.fixture(scope="module", name="package")
def made_package(tmp_path_factory: pytest.TempPathFactory) -> FunctionPackage:
    """A package that nobody runs."""
    path = tmp_path_factory.mktemp("package") / "functions.zip"
    path.write_bytes(b"PK\x05\x06" + bytes(18))
    return FunctionPackage(path=path, sha256="00" * 32, size_bytes=22, files=())


@pytest.fixture(scope="module", name="out")
def made_out(
    settings: Settings, package: FunctionPackage, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Where all stacks of the production example were written."""
    written = tmp_path_factory.mktemp("out")
    assert synthesize(settings, written, package) == STACKS
    return written


@pytest.fixture(scope="module", name="stacks")
def made_stacks(out: Path) -> dict[str, StackJson]:
    """Their content."""
    return read(out)


def read(out: Path) -> dict[str, StackJson]:
    """Configurations by the name of their stack."""
    return {
        name: json.loads((out / "stacks" / name / "cdk.tf.json").read_text()) for name in STACKS
    }


def leaves(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every string below a node with the keys on the way to it; metadata are left out."""
    match node:
        case dict():
            for key, child in node.items():
                if key != "//":
                    yield from leaves(child, (*path, key))
        case list():
            for child in node:
                yield from leaves(child, path)
        case str():
            yield path, node
        case _:
            pass


def managed(stack: StackJson) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Type, name and arguments of every resource."""
    for kind, named in stack.get("resource", {}).items():
        for name, body in named.items():
            yield kind, name, body


def test_stacks_are_applied_one_after_another_and_refer_to_none(
    out: Path, stacks: Mapping[str, StackJson]
) -> None:
    manifest = json.loads((out / "manifest.json").read_text())["stacks"]
    assert [manifest[name]["dependencies"] for name in STACKS] == [
        [],
        ["foundation"],
        ["east"],
        ["west"],
    ]
    for stack in stacks.values():
        assert "terraform_remote_state" not in json.dumps(stack)


def out_of_region(stack: StackJson, other: str) -> list[str]:
    """Where another region is named, names that lead there on purpose aside.

    These are ARNs, host names, the settings that functions get, which are about both sites, and
    metrics of this region about what is copied from the other one.
    """
    on_purpose = {"PAYMENT_DR_SETTINGS", "SourceRegion", "dashboard_body"}
    return [
        ".".join(path)
        for path, text in leaves(stack)
        if other in _HOST.sub("", _ARN.sub("", text)) and path[-1] not in on_purpose
    ]


@pytest.mark.parametrize(("site", "other"), [("east", "us-west-2"), ("west", "us-east-1")])
def test_a_site_is_planned_without_the_other_region(
    stacks: Mapping[str, StackJson], site: str, other: str
) -> None:
    stack = stacks[site]
    assert [provider["region"] for provider in stack["provider"]["aws"]] != [other]
    assert list(stack["provider"]) == ["aws"]
    assert len(stack["provider"]["aws"]) == 1
    assert out_of_region(stack, other) == []


@pytest.mark.parametrize(
    "planted",
    [
        {"data": {"aws_vpc": {"peer": {"region": "us-west-2"}}}},
        {"provider": {"aws": [{"region": "us-east-1"}, {"alias": "peer", "region": "us-west-2"}]}},
        {"resource": {"aws_route": {"x": {"depends_on": ["aws_x.us-west-2"]}}}},
    ],
)
def test_a_reach_across_would_be_found(
    stacks: Mapping[str, StackJson], planted: Mapping[str, Any]
) -> None:
    assert out_of_region({**stacks["east"], **planted}, "us-west-2")


def roles_in_names(stack: StackJson) -> list[str]:
    """Names of resources, in AWS and here, that say a role of the moment."""
    here = [name for kind in ("resource", "data") for _, name in _declared(stack, kind)]
    there = [text for path, text in leaves(stack.get("resource", {})) if _NAMING.match(path[-1])]
    tagged = [text for path, text in leaves(stack.get("resource", {})) if path[-1] == "Name"]
    return [
        name for name in (*here, *there, *tagged) if ROLES & set(re.split(r"[^a-z]+", name.lower()))
    ]


def _declared(stack: StackJson, kind: str) -> Iterator[tuple[str, str]]:
    for of, named in stack.get(kind, {}).items():
        for name in named:
            yield of, name


@pytest.mark.parametrize("name", STACKS)
def test_no_name_says_who_is_active(stacks: Mapping[str, StackJson], name: str) -> None:
    assert roles_in_names(stacks[name]) == []


@pytest.mark.parametrize(
    "planted",
    [
        {"resource": {"aws_vpc": {"primary-vpc_1": {}}}},
        {"resource": {"aws_rds_cluster": {"x": {"cluster_identifier": "ledger-standby-prod"}}}},
        {"resource": {"aws_vpc": {"x": {"tags": {"Name": "payments-active"}}}}},
        {"data": {"aws_vpc": {"secondary": {}}}},
    ],
)
def test_a_name_that_does_would_be_found(planted: StackJson) -> None:
    assert roles_in_names(planted)


def test_the_same_settings_give_the_same_bytes(
    settings: Settings, package: FunctionPackage, out: Path, tmp_path: Path
) -> None:
    synthesize(settings, tmp_path, package)
    first, second = (
        {path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in (out, tmp_path)
    )
    assert first == second


def test_every_name_fits_even_with_the_longest_names_of_sites_and_suffix(
    settings: Settings, package: FunctionPackage, tmp_path: Path
) -> None:
    longest = settings.model_dump()
    first, second = "a" * 16, "b" * 16
    longest |= {"home": first, "environment_suffix": "p" * 12}
    for site, name in zip(longest["sites"], (first, second), strict=True):
        site["name"] = name
    names = synthesize(Settings.model_validate(longest), tmp_path, package)
    too_long = [
        f"{kind}.{argument} {body[argument]!r}: {len(body[argument])} > {most}"
        for stack in names
        for kind, _, body in managed(
            json.loads((tmp_path / "stacks" / stack / "cdk.tf.json").read_text())
        )
        for (of, argument), most in NAME_MAX.items()
        if of == kind and len(body.get(argument, "")) > most
    ]
    assert too_long == []


@pytest.mark.parametrize(("name", "suffix"), [("a" * 17, "p" * 12), ("a" * 16, "p" * 13)])
def test_settings_take_no_longer_ones(settings: Settings, name: str, suffix: str) -> None:
    longer = settings.model_dump()
    longer["environment_suffix"] = suffix
    longer["sites"][0]["name"] = longer["home"] = name
    with pytest.raises(ValueError, match=r"must be (1|2) to"):
        Settings.model_validate(longer)


def test_outputs_are_flat_scalars_in_pascal_case(stacks: Mapping[str, StackJson]) -> None:
    for stack in stacks.values():
        for name, output in stack["output"].items():
            assert re.fullmatch(r"([A-Z][a-z0-9]*)+", name)
            assert isinstance(output["value"], str | int)
            assert output["description"]


def test_a_promise_that_cannot_be_kept_is_refused_with_its_sum(
    package: FunctionPackage, tmp_path: Path
) -> None:
    settings = deployed()
    budgets = settings.failover.budgets.model_copy(update={"route_s": 39})
    failover = settings.failover.model_copy(update={"budgets": budgets})
    with pytest.raises(SettingsError, match=r"TTL 10 s = 40 s is too long for 39 s") as refused:
        synthesize(settings.model_copy(update={"failover": failover}), tmp_path, package)
    assert "failover.budgets.route_s" in refused.value.what
    assert not (tmp_path / "manifest.json").exists()


def test_another_fault_of_the_bindings_is_not_taken_for_a_broken_promise(
    settings: Settings, package: FunctionPackage, tmp_path: Path
) -> None:
    (tmp_path / "stacks").write_text("in the way")
    with pytest.raises(RuntimeError):
        synthesize(settings, tmp_path, package)


def test_the_context_allows_what_keeps_secrets_out_of_the_state() -> None:
    assert CONTEXT["targetVersions"] == {"terraform": ">=1.11.0", "opentofu": ">=1.11.0"}
