"""Faults of configurations, each of another kind, that the real engine must find without AWS."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class Stage(StrEnum):
    """The command that finds a fault."""

    INIT = "init"
    VALIDATE = "validate"
    PLAN = "plan"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A configuration with one fault, and what its error must name."""

    name: str
    configuration: str
    names: tuple[str, ...]
    stage: Stage = Stage.VALIDATE


_VPC: Final = 'resource "aws_vpc" "main" { cidr_block = "10.0.0.0/16" }\n'
_SCHEDULE: Final = """
resource "aws_scheduler_schedule" "poster" {
  schedule_expression = "rate(1 minutes)"
  %s
}
"""
_WINDOW: Final = 'flexible_time_window { mode = "OFF" }'
_TARGET: Final = 'target {\n arn = "arn:a"\n role_arn = "arn:r"\n}'

FAULTS: Final = (
    Fault(
        name="cycle",
        configuration="""
resource "terraform_data" "a" { input = terraform_data.b.output }
resource "terraform_data" "b" { input = terraform_data.a.output }
""",
        names=("Cycle", "terraform_data.a", "terraform_data.b"),
    ),
    Fault(
        name="reference to a resource that is not there",
        configuration='resource "aws_subnet" "a" { vpc_id = aws_vpc.missing.id }',
        names=("Reference to undeclared resource", '"aws_vpc" "missing"'),
    ),
    Fault(
        name="reference to an attribute that the type lacks",
        configuration=_VPC + 'resource "aws_subnet" "a" { vpc_id = aws_vpc.main.identifier }',
        names=("Unsupported attribute", '"identifier"'),
    ),
    Fault(
        name="unknown resource type",
        configuration='resource "aws_aurora_cluster" "a" {}',
        names=("Invalid resource type", '"aws_aurora_cluster"'),
    ),
    Fault(
        name="unknown data source",
        configuration='data "aws_aurora_cluster" "a" {}',
        names=("Invalid data source", '"aws_aurora_cluster"'),
    ),
    Fault(
        name="unknown argument",
        configuration='resource "aws_sns_topic" "a" { kms_key_arn = "arn:k" }',
        names=("Unsupported argument", '"kms_key_arn"'),
    ),
    Fault(
        name="missing required argument",
        configuration='resource "aws_rds_cluster" "a" { cluster_identifier = "a" }',
        names=("Missing required argument", '"engine"'),
    ),
    Fault(
        name="mistyped argument",
        configuration='resource "aws_vpc" "a" { tags = "payments" }',
        names=("Incorrect attribute value type", '"tags"', "map of string required"),
    ),
    Fault(
        name="value for what only AWS decides",
        configuration='resource "aws_sns_topic" "a" { arn = "arn:mine" }',
        names=("Value for unconfigurable attribute", '"arn"'),
    ),
    Fault(
        name="missing required block",
        configuration=_SCHEDULE % _TARGET,
        names=("Insufficient flexible_time_window blocks",),
    ),
    Fault(
        name="too many blocks",
        configuration=_SCHEDULE % f"{_WINDOW}\n{_TARGET}\n{_TARGET}",
        names=("Too many target blocks",),
    ),
    Fault(
        name="block in the wrong parent",
        configuration=_SCHEDULE % f"{_WINDOW}\n{_TARGET}\nretry_policy {{}}",
        names=("Unsupported block type", '"retry_policy"'),
    ),
    Fault(
        name="argument written as a block",
        configuration='resource "aws_vpc" "a" {\n tags {\n  Project = "payments"\n }\n}',
        names=("Unsupported block type", '"tags"', "argument"),
    ),
    Fault(
        name="undefined provider alias",
        configuration='resource "aws_sns_topic" "a" { provider = aws.west }',
        names=("Provider configuration not present", ".west"),
    ),
    Fault(
        name="misspelt argument of the provider",
        configuration='provider "aws" { allowed_accounts = ["1"] }\n' + _VPC,
        names=("Unsupported argument", '"allowed_accounts"'),
    ),
    Fault(
        name="ephemeral value in an argument that is stored",
        configuration="""
ephemeral "aws_secretsmanager_random_password" "p" {}
resource "aws_secretsmanager_secret_version" "v" {
  secret_id     = "s"
  secret_string = ephemeral.aws_secretsmanager_random_password.p.random_password
}
""",
        names=("Invalid use of ephemeral value", '"secret_string"'),
    ),
    Fault(
        name="ephemeral value in an output",
        configuration="""
ephemeral "aws_secretsmanager_random_password" "p" {}
output "password" { value = ephemeral.aws_secretsmanager_random_password.p.random_password }
""",
        names=("Ephemeral value not allowed", 'output "password"'),
    ),
    Fault(
        name="misspelt argument in ignore_changes",
        configuration="""
resource "aws_rds_cluster" "a" {
  engine = "aurora-postgresql"
  lifecycle { ignore_changes = [global_cluster_id] }
}
""",
        names=("Unsupported attribute", '"global_cluster_id"'),
    ),
    Fault(
        name="missing artefact",
        configuration='output "hash" { value = filebase64sha256("${path.module}/package.zip") }',
        names=("Error in function call", "package.zip", "no such file"),
    ),
    Fault(
        name="duplicate resource",
        configuration=_VPC + _VPC,
        names=('Duplicate resource "aws_vpc" configuration', '"main"'),
    ),
    Fault(
        name="unknown function",
        configuration='output "a" { value = sha265("text") }',
        names=("Call to unknown function", '"sha265"'),
    ),
    Fault(
        name="too few arguments of a function",
        configuration='output "a" { value = cidrsubnet("10.0.0.0/16", 8) }',
        names=("Not enough function arguments", '"netnum"'),
    ),
    Fault(
        name="argument that a function cannot take",
        configuration='output "a" { value = cidrsubnet("10.0.0.0/28", 8, 1) }',
        names=("Error in function call", "insufficient address space"),
    ),
    Fault(
        name="for_each over what is not known yet",
        configuration=_VPC
        + """
resource "aws_sns_topic" "a" {
  for_each = toset([aws_vpc.main.id])
  name     = each.key
}
""",
        names=("Invalid for_each argument", "cannot be determined until apply"),
        stage=Stage.PLAN,
    ),
    Fault(
        name="for_each over a list",
        configuration='resource "terraform_data" "a" { for_each = ["x", "x"] }',
        names=("Invalid for_each argument",),
    ),
    Fault(
        name="output of nothing",
        configuration='output "topic" { value = aws_sns_topic.alarms.arn }',
        names=("Reference to undeclared resource", '"aws_sns_topic" "alarms"'),
    ),
    Fault(
        name="sensitive output that is not marked",
        configuration="""
variable "key" {
  default   = "k"
  sensitive = true
}
output "key" { value = var.key }
""",
        names=("Output refers to sensitive values", 'output "key"'),
        stage=Stage.PLAN,
    ),
    Fault(
        name="unknown backend",
        configuration='terraform {\n  backend "bucket" {}\n}',
        names=("Unsupported backend type", '"bucket"'),
        stage=Stage.INIT,
    ),
    Fault(
        name="misspelt argument of a backend",
        configuration='terraform {\n  backend "local" {\n    lockfile = true\n  }\n}',
        names=("Unsupported argument", '"lockfile"'),
        stage=Stage.INIT,
    ),
    Fault(
        name="version of the engine that is refused",
        configuration='terraform { required_version = "< 1.11" }',
        names=("Unsupported Terraform Core version", "< 1.11"),
    ),
    Fault(
        name="reference to itself",
        configuration='resource "terraform_data" "a" { input = terraform_data.a.output }',
        names=("Self-referential block", "terraform_data.a"),
        stage=Stage.PLAN,
    ),
    Fault(
        name="negative count",
        configuration='resource "terraform_data" "a" { count = -1 }',
        names=("Invalid count argument", "must be greater than or equal to zero"),
        stage=Stage.PLAN,
    ),
    Fault(
        name="count and for_each at once",
        configuration='resource "terraform_data" "a" {\n count = 1\n for_each = {}\n}',
        names=('Invalid combination of "count" and "for_each"',),
    ),
    Fault(
        name="variable without a value",
        configuration='variable "suffix" { type = string }',
        names=("No value for required variable", '"suffix"'),
        stage=Stage.PLAN,
    ),
    Fault(
        name="undeclared variable",
        configuration='output "a" { value = var.sufix }',
        names=("Reference to undeclared input variable", '"sufix"'),
    ),
    Fault(
        name="value that a variable's own rule refuses",
        configuration="""
variable "suffix" {
  default = "UPPER"
  validation {
    condition     = lower(var.suffix) == var.suffix
    error_message = "the suffix is lower-case"
  }
}
""",
        names=("Invalid value for variable", "the suffix is lower-case"),
        stage=Stage.PLAN,
    ),
    Fault(
        name="precondition that does not hold",
        configuration="""
data "aws_region" "here" {}
resource "aws_sns_topic" "a" {
  lifecycle {
    precondition {
      condition     = data.aws_region.here.name == "eu-west-1"
      error_message = "this stack is for eu-west-1"
    }
  }
}
""",
        names=("Resource precondition failed", "this stack is for eu-west-1"),
        stage=Stage.PLAN,
    ),
    Fault(
        name="moved resource that is still there",
        configuration="""
resource "terraform_data" "a" {}
resource "terraform_data" "b" {}
moved {
  from = terraform_data.a
  to   = terraform_data.b
}
""",
        names=("Moved object still exists", "terraform_data.a"),
        stage=Stage.PLAN,
    ),
    Fault(
        name="dependency on nothing",
        configuration='resource "terraform_data" "a" { depends_on = [aws_vpc.missing] }',
        names=("Reference to undeclared resource", '"aws_vpc" "missing"'),
    ),
    Fault(
        name="text without an end",
        configuration='resource "aws_sns_topic" "a" { name = "payments }\n',
        names=("Invalid multi-line string", "main.tf line 1"),
    ),
)
"""All of them."""
