"""What docs/explanation/offline-checks.md says that this check cannot find: it passes indeed."""

from terraform.workspace import Workspace

_PASSES = """
provider "aws" { region = "us-east-1" }

# a value that is none of those that AWS knows
resource "aws_cloudwatch_metric_alarm" "enumeration" {
  alarm_name          = "a"
  comparison_operator = "IsBigger"
  evaluation_periods  = 1
}
# a number out of bounds, and fewer regions than AWS demands
resource "aws_route53_health_check" "bounds" {
  type              = "HTTPS"
  failure_threshold = 99
  regions           = ["us-east-1"]
}
# a name with characters that AWS refuses
resource "aws_sns_topic" "pattern" { name = "not a name!" }
# two arguments that exclude each other
resource "aws_s3_bucket" "conflict" {
  bucket        = "payments"
  bucket_prefix = "payments-"
}
# no argument of which one is needed
resource "aws_route53_record" "one_of" {
  zone_id = "Z1"
  name    = "pay"
  type    = "A"
}
# a policy that is no JSON
resource "aws_iam_role" "policy" { assume_role_policy = "let me in" }
# one name twice
resource "aws_iam_role" "twice" {
  count              = 2
  name               = "poster"
  assume_role_policy = "{}"
}
# a certificate that does not exist
resource "aws_apigatewayv2_domain_name" "missing" {
  domain_name = "pay.example"
  domain_name_configuration {
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/missing"
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}
resource "aws_efs_file_system" "forced" { creation_token = "one" }
resource "aws_vpc" "default" { cidr_block = "10.0.0.0/16" }
resource "aws_iam_access_key" "sensitive" { user = "u" }
output "secret" { value = aws_iam_access_key.sensitive.secret }
"""


def test_what_the_list_says_cannot_be_found_is_planned_and_applied(workspace: Workspace) -> None:
    workspace.write(_PASSES).apply()
    # The provider's own default, true, is in no plan.
    assert workspace.state()["aws_vpc.default"]["enable_dns_support"] is None
    assert workspace.unchanged()
    # The real provider would replace the file system and everything in it.
    workspace.write(_PASSES.replace('"one"', '"two"'))
    assert workspace.actions() == {"aws_efs_file_system.forced": ["update"]}


def test_parts_of_huge_types_are_open(workspace: Workspace) -> None:
    workspace.write(
        """
provider "aws" { region = "us-east-1" }
resource "aws_lexv2models_intent" "open" {
  bot_id      = "b"
  bot_version = "1"
  locale_id   = "en_GB"
  name        = "n"
  timeouts    = "not even a block"
}
"""
    ).well("validate")
