resource "aws_iam_role" "function" {
  name = "payments-function"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  name = "payments-function"
  role = aws_iam_role.function.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["dynamodb:*", "secretsmanager:GetSecretValue", "rds:*"]
        Resource = "*"
      },
      {
        Effect   = "Allow"
        Action   = "route53:ChangeResourceRecordSets"
        Resource = "*"
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "vpc" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

resource "aws_lambda_function" "payment_primary" {
  function_name                  = "payment-processor-primary"
  role                           = aws_iam_role.function.arn
  runtime                        = "python3.12"
  handler                        = "index.handler"
  filename                       = "lambda_placeholder.zip"
  reserved_concurrent_executions = 100

  vpc_config {
    subnet_ids         = module.network_primary.private_subnet_ids
    security_group_ids = [module.network_primary.function_security_group_id]
  }

  environment {
    variables = {
      DB_HOST = aws_rds_cluster.primary.endpoint
      TABLE   = aws_dynamodb_table.sessions.name
    }
  }
}

resource "aws_lambda_function" "payment_secondary" {
  provider = aws.secondary

  function_name                  = "payment-processor-secondary"
  role                           = aws_iam_role.function.arn
  runtime                        = "python3.12"
  handler                        = "index.handler"
  filename                       = "lambda_placeholder.zip"
  reserved_concurrent_executions = 10

  vpc_config {
    subnet_ids         = module.network_secondary.private_subnet_ids
    security_group_ids = [module.network_secondary.function_security_group_id]
  }

  environment {
    variables = {
      DB_HOST = aws_rds_cluster.secondary.endpoint
      TABLE   = aws_dynamodb_table.sessions.name
    }
  }
}

resource "aws_lambda_function" "failover" {
  function_name = "dns-failover"
  role          = aws_iam_role.function.arn
  runtime       = "python3.12"
  handler       = "index.handler"
  filename      = "lambda_placeholder.zip"
}

resource "aws_sfn_state_machine" "failover" {
  name     = "payments-failover"
  role_arn = aws_iam_role.function.arn

  definition = jsonencode({
    StartAt = "Promote"
    States = {
      Promote = {
        Type     = "Task"
        Resource = "arn:aws:states:::lambda:invoke"
        End      = true
      }
    }
  })
}
