"""Plan, apply, plan again, destroy: the real engine with the stand-in, nothing made anywhere."""

import json
import tempfile
from pathlib import Path

import pytest

from terraform.workspace import Workspace

_PROVIDER = """
provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["210987654321"]
  default_tags {
    tags = { Project = "payments", Suffix = "test" }
  }
}
"""
_SITE = (
    _PROVIDER
    + """
data "aws_availability_zones" "here" {}
data "aws_caller_identity" "me" {}
data "aws_route_tables" "peer" {
  filter {
    name   = "tag:Name"
    values = ["payments-application"]
  }
}
resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
  tags       = { Name = "main", Suffix = "own" }
}
resource "aws_subnet" "application" {
  count             = length(data.aws_availability_zones.here.names)
  vpc_id            = aws_vpc.main.id
  availability_zone = data.aws_availability_zones.here.names[count.index]
  cidr_block        = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
}
resource "aws_route" "peer" {
  count                     = length(data.aws_route_tables.peer.ids)
  route_table_id            = data.aws_route_tables.peer.ids[count.index]
  destination_cidr_block    = "10.1.0.0/16"
  vpc_peering_connection_id = "pcx-1"
}
resource "aws_sns_topic" "elsewhere" {
  name   = "alarms"
  region = "eu-west-2"
}
output "account" { value = data.aws_caller_identity.me.account_id }
output "topic" { value = aws_sns_topic.elsewhere.arn }
"""
)


def test_what_was_applied_is_planned_no_more_and_destroyed_again(workspace: Workspace) -> None:
    workspace.write(_SITE)
    plan = workspace.planned()
    created = [change["change"]["actions"] for change in plan["resource_changes"]]
    assert created == [["create"]] * 8
    workspace.well("apply", "the.plan")
    assert workspace.unchanged()
    outputs = json.loads(workspace.well("output", "-json"))
    assert outputs["account"]["value"] == "210987654321"
    assert outputs["topic"]["value"].startswith("arn:aws:sns:eu-west-2:210987654321:")
    state = workspace.state()
    assert state["aws_vpc.main"]["region"] == "eu-west-1"
    assert state["aws_vpc.main"]["tags_all"] == {
        "Name": "main",
        "Project": "payments",
        "Suffix": "own",
    }
    subnets = [state[f"aws_subnet.application[{index}]"] for index in range(3)]
    assert [each["availability_zone"] for each in subnets] == [
        "eu-west-1a",
        "eu-west-1b",
        "eu-west-1c",
    ]
    assert len({each["id"] for each in subnets}) == 3
    assert {each["vpc_id"] for each in subnets} == {state["aws_vpc.main"]["id"]}
    workspace.well("destroy", "-auto-approve")
    assert workspace.state() == {}


def test_a_change_in_place_and_a_replacement_are_told_apart(workspace: Workspace) -> None:
    text = """
provider "aws" { region = "us-east-1" }
resource "aws_rds_global_cluster" "g" {
  global_cluster_identifier = "payments"
  engine                    = "aurora-postgresql"
}
resource "aws_rds_cluster" "c" {
  cluster_identifier        = "payments-east"
  engine                    = "aurora-postgresql"
  engine_version            = "16.8"
  global_cluster_identifier = aws_rds_global_cluster.g.id
}
resource "aws_route53_health_check" "h" {
  type             = "HTTPS"
  fqdn             = "east.example"
  request_interval = 10
}
"""
    workspace.write(text).apply()
    workspace.write(text.replace('"16.8"', '"16.9"').replace("east.example", "west.example"))
    assert workspace.actions() == {
        "aws_rds_cluster.c": ["update"],
        "aws_route53_health_check.h": ["update"],
    }
    workspace.write(text.replace('"payments-east"', '"payments"').replace("= 10", "= 30"))
    assert workspace.actions() == {
        "aws_rds_cluster.c": ["delete", "create"],
        "aws_route53_health_check.h": ["delete", "create"],
    }
    workspace.write(text.replace('"us-east-1"', '"us-west-2"'))
    assert set(workspace.actions()) == {"aws_rds_global_cluster.g", "aws_rds_cluster.c"}
    workspace.apply()
    assert workspace.state()["aws_rds_cluster.c"]["region"] == "us-west-2"
    assert workspace.unchanged()


def test_a_function_whose_code_changed_gets_a_new_version(workspace: Workspace) -> None:
    text = """
provider "aws" { region = "us-east-1" }
resource "aws_lambda_function" "f" {
  function_name    = "poster"
  role             = "arn:r"
  source_code_hash = "one"
  publish          = true
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.f.function_name
  function_version = aws_lambda_function.f.version
}
"""
    workspace.write(text).apply()
    before = workspace.state()["aws_lambda_function.f"]
    workspace.write(text.replace('"one"', '"two"')).apply()
    after = workspace.state()
    assert after["aws_lambda_function.f"]["version"] != before["version"]
    assert after["aws_lambda_function.f"]["arn"] == before["arn"]
    version = after["aws_lambda_alias.live"]["function_version"]
    assert version == after["aws_lambda_function.f"]["version"]


@pytest.mark.parametrize("path", ["ephemeral variable", "ephemeral resource"])
def test_values_of_secrets_are_in_no_file_of_the_engine(workspace: Workspace, path: str) -> None:
    word = "correct-horse-battery-staple"
    workspace.environment["TF_VAR_word"] = word
    source = {
        "ephemeral variable": "var.word",
        # Known to nobody but the engine; what the stand-in invents for other secrets is known.
        "ephemeral resource": "ephemeral.aws_secretsmanager_secret_version.master.secret_string",
    }[path]
    workspace.write(
        """
provider "aws" { region = "us-east-1" }
variable "word" {
  type      = string
  ephemeral = true
}
ephemeral "aws_secretsmanager_secret_version" "master" { secret_id = "master" }
ephemeral "aws_secretsmanager_random_password" "new" { password_length = 40 }
resource "aws_secretsmanager_secret" "s" { name = "payments" }
resource "aws_secretsmanager_secret_version" "v" {
  secret_id                = aws_secretsmanager_secret.s.id
  secret_string_wo         = "${%s}${ephemeral.aws_secretsmanager_random_password.new.id}"
  secret_string_wo_version = 1
}
""".replace("%s", source).replace(".new.id", ".new.random_password")
    )
    plan = workspace.planned()
    workspace.well("apply", "the.plan")
    kept = workspace.files() + json.dumps(plan)
    assert word not in kept
    assert "invented" not in kept
    assert workspace.state()["aws_secretsmanager_secret_version.v"]["secret_string_wo"] is None
    assert workspace.unchanged()


def test_a_resource_that_exists_already_is_imported(workspace: Workspace) -> None:
    workspace.write(
        """
provider "aws" { region = "us-east-1" }
import {
  to = aws_kms_key.data
  id = "mrk-1234"
}
resource "aws_kms_key" "data" {}
"""
    ).apply()
    key = workspace.state()["aws_kms_key.data"]
    assert (key["id"], key["region"]) == ("mrk-1234", "us-east-1")
    assert key["arn"].startswith("arn:aws:kms:us-east-1:")
    assert workspace.unchanged()


def test_what_must_not_be_destroyed_is_not(workspace: Workspace) -> None:
    text = """
provider "aws" { region = "us-east-1" }
resource "aws_dynamodb_table" "t" {
  name     = "payments"
  hash_key = "payment_id"
  attribute {
    name = "payment_id"
    type = "S"
  }
  lifecycle { prevent_destroy = true }
}
"""
    workspace.write(text).apply()
    workspace.write(text.replace('hash_key = "payment_id"', 'hash_key = "id"'))
    refused = workspace.terraform("plan")
    assert refused.code == 1
    assert "Instance cannot be destroyed" in refused.flat


def test_initialising_asks_no_registry_before_and_after_an_apply(workspace: Workspace) -> None:
    workspace.write(
        """
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.69.1"
    }
  }
}
"""
        + _SITE
    )
    # No address answers: whatever asked a registry would fail.
    workspace.environment |= {
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    workspace.well("init")
    assert not (workspace.directory / ".terraform.lock.hcl").exists()
    workspace.apply()
    # A state that names the provider makes `init` look for it.
    workspace.well("init")


def test_nothing_of_the_provider_is_left_when_the_engine_is_done(workspace: Workspace) -> None:
    # Not the test's own directory: a socket's path must be short.
    with tempfile.TemporaryDirectory() as sockets:
        workspace.environment["TMPDIR"] = sockets
        workspace.write(_SITE).well("validate")
        assert not list(Path(sockets).iterdir())
