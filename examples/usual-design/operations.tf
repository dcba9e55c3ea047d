resource "aws_cloudwatch_metric_alarm" "replication_lag" {
  alarm_name          = "payments-replication-lag"
  namespace           = "AWS/RDS"
  metric_name         = "AuroraGlobalDBReplicationLag"
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1000
  period              = 60
  evaluation_periods  = 5
}

resource "aws_backup_vault" "primary" {
  name = "payments"
}

resource "aws_backup_plan" "daily" {
  name = "payments-daily"

  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.primary.name
    schedule          = "cron(0 5 * * ? *)"

    lifecycle {
      delete_after = 35
    }
  }
}
