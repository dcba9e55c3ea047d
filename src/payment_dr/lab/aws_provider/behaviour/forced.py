"""Arguments that cannot be changed in place: the plan of such a change is a replacement.

The bindings do not tell which arguments these are. This table has the most important ones of the
types that the stacks use, as the provider's own schema has them (`ForceNew`); of other types only
`region` is known. What it lacks is planned as an update in place, which is why a plan of the
stand-in never proves that nothing would be replaced on AWS: see docs/explanation/offline-checks.md.

`global_cluster_identifier` of a cluster is left out on purpose: the provider plans its change as
an update, and then refuses to join or to migrate a cluster, or detaches it.
"""

from collections.abc import Mapping
from typing import Final

REPLACES: Final[Mapping[str, frozenset[str]]] = {
    "aws_acm_certificate": frozenset({"domain_name", "key_algorithm", "validation_method"}),
    "aws_apigatewayv2_api": frozenset({"protocol_type"}),
    "aws_apigatewayv2_domain_name": frozenset({"domain_name"}),
    "aws_backup_vault": frozenset({"kms_key_arn", "name"}),
    "aws_cloudwatch_composite_alarm": frozenset({"alarm_name"}),
    "aws_cloudwatch_log_group": frozenset({"log_group_class", "name"}),
    "aws_cloudwatch_metric_alarm": frozenset({"alarm_name"}),
    "aws_db_subnet_group": frozenset({"name"}),
    "aws_dynamodb_table": frozenset({"hash_key", "local_secondary_index", "name", "range_key"}),
    "aws_iam_role": frozenset({"name", "path"}),
    "aws_kms_alias": frozenset({"name"}),
    "aws_kms_key": frozenset({"customer_master_key_spec", "key_usage", "multi_region"}),
    "aws_lambda_alias": frozenset({"function_name", "name"}),
    "aws_lambda_function": frozenset({"function_name", "package_type"}),
    "aws_rds_cluster": frozenset(
        {
            "availability_zones",
            "cluster_identifier",
            "cluster_identifier_prefix",
            "database_name",
            "db_subnet_group_name",
            "engine",
            "engine_mode",
            "kms_key_id",
            "master_username",
            "snapshot_identifier",
            "source_region",
            "storage_encrypted",
        }
    ),
    "aws_rds_cluster_instance": frozenset(
        {"availability_zone", "cluster_identifier", "db_subnet_group_name", "engine", "identifier"}
    ),
    "aws_rds_global_cluster": frozenset(
        {"database_name", "engine", "global_cluster_identifier", "source_db_cluster_identifier"}
    ),
    "aws_route53_health_check": frozenset(
        {"measure_latency", "reference_name", "request_interval", "routing_control_arn", "type"}
    ),
    "aws_route53_record": frozenset({"name", "set_identifier", "zone_id"}),
    "aws_route53_zone": frozenset({"delegation_set_id", "name"}),
    "aws_s3_bucket": frozenset({"bucket", "object_lock_enabled"}),
    "aws_scheduler_schedule": frozenset({"group_name", "name"}),
    "aws_secretsmanager_secret": frozenset({"name"}),
    "aws_secretsmanager_secret_version": frozenset(
        {"secret_binary", "secret_id", "secret_string", "secret_string_wo_version"}
    ),
    "aws_security_group": frozenset({"description", "name", "vpc_id"}),
    "aws_sfn_state_machine": frozenset({"name", "type"}),
    "aws_sns_topic": frozenset({"fifo_topic", "name"}),
    "aws_subnet": frozenset({"availability_zone", "cidr_block", "vpc_id"}),
    "aws_vpc": frozenset({"cidr_block"}),
    "aws_vpc_peering_connection": frozenset(
        {"peer_owner_id", "peer_region", "peer_vpc_id", "vpc_id"}
    ),
}
"""Arguments and blocks by type."""
