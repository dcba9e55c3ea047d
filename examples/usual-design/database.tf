resource "aws_kms_key" "primary" {
  description         = "Aurora"
  enable_key_rotation = true
}

resource "aws_rds_global_cluster" "this" {
  global_cluster_identifier = "payments-global"
  engine                    = "aurora-postgresql"
  engine_version            = "16.8"
  database_name             = "payments"
  storage_encrypted         = true
}

resource "aws_rds_cluster_parameter_group" "primary" {
  name   = "payments-primary"
  family = "aurora-postgresql16"

  parameter {
    name  = "rds.global_db_rpo"
    value = "20"
  }
}

resource "aws_rds_cluster_parameter_group" "secondary" {
  provider = aws.secondary

  name   = "payments-secondary"
  family = "aurora-postgresql16"

  parameter {
    name  = "rds.global_db_rpo"
    value = "20"
  }
}

resource "aws_db_subnet_group" "primary" {
  name       = "payments-primary"
  subnet_ids = module.network_primary.private_subnet_ids
}

resource "aws_db_subnet_group" "secondary" {
  provider = aws.secondary

  name       = "payments-secondary"
  subnet_ids = module.network_secondary.private_subnet_ids
}

resource "aws_rds_cluster" "primary" {
  cluster_identifier              = "payments-primary"
  engine                          = "aurora-postgresql"
  engine_version                  = aws_rds_global_cluster.this.engine_version
  global_cluster_identifier       = aws_rds_global_cluster.this.id
  database_name                   = "payments"
  master_username                 = "postgres"
  manage_master_user_password     = true
  storage_encrypted               = true
  kms_key_id                      = aws_kms_key.primary.arn
  backup_retention_period         = 35
  db_subnet_group_name            = aws_db_subnet_group.primary.name
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.primary.name
  vpc_security_group_ids          = [module.network_primary.database_security_group_id]
}

resource "aws_rds_cluster_instance" "primary" {
  count = 2

  identifier         = "payments-primary-${count.index}"
  cluster_identifier = aws_rds_cluster.primary.id
  engine             = aws_rds_cluster.primary.engine
  instance_class     = "db.r6g.xlarge"
}

resource "aws_rds_cluster" "secondary" {
  provider = aws.secondary

  cluster_identifier              = "payments-secondary"
  engine                          = "aurora-postgresql"
  engine_version                  = aws_rds_global_cluster.this.engine_version
  global_cluster_identifier       = aws_rds_global_cluster.this.id
  storage_encrypted               = true
  db_subnet_group_name            = aws_db_subnet_group.secondary.name
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.secondary.name
  vpc_security_group_ids          = [module.network_secondary.database_security_group_id]

  depends_on = [aws_rds_cluster_instance.primary]

  lifecycle {
    ignore_changes = [replication_source_identifier]
  }
}

resource "aws_rds_cluster_instance" "secondary" {
  provider = aws.secondary

  identifier         = "payments-secondary-0"
  cluster_identifier = aws_rds_cluster.secondary.id
  engine             = aws_rds_cluster.secondary.engine
  instance_class     = "db.r6g.large"
}

resource "aws_secretsmanager_secret" "database" {
  name = "payments-database"
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id     = aws_secretsmanager_secret.database.id
  secret_string = var.db_password
}

resource "aws_dynamodb_table" "sessions" {
  name             = "payment-sessions"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "idempotency_key"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "idempotency_key"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  replica {
    region_name = var.secondary_region
  }
}
