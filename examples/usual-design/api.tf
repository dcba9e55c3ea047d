resource "aws_apigatewayv2_api" "primary" {
  name          = "payments"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_api" "secondary" {
  provider = aws.secondary

  name          = "payments"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_domain_name" "primary" {
  domain_name = "api.${var.domain}"

  domain_name_configuration {
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/east"
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_domain_name" "secondary" {
  provider = aws.secondary

  domain_name = "api.${var.domain}"

  domain_name_configuration {
    certificate_arn = "arn:aws:acm:us-west-2:123456789012:certificate/west"
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_route53_zone" "this" {
  name = var.domain
}

resource "aws_route53_health_check" "primary" {
  fqdn              = "primary.${var.domain}"
  port              = 443
  type              = "HTTPS"
  resource_path     = "/health"
  request_interval  = 30
  failure_threshold = 3
}

resource "aws_route53_record" "primary" {
  zone_id         = aws_route53_zone.this.zone_id
  name            = "api.${var.domain}"
  type            = "A"
  set_identifier  = "primary"
  health_check_id = aws_route53_health_check.primary.id

  alias {
    name                   = aws_apigatewayv2_domain_name.primary.domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.primary.domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = true
  }

  failover_routing_policy {
    type = "PRIMARY"
  }
}

resource "aws_route53_record" "secondary" {
  zone_id        = aws_route53_zone.this.zone_id
  name           = "api.${var.domain}"
  type           = "A"
  set_identifier = "secondary"

  alias {
    name                   = aws_apigatewayv2_domain_name.secondary.domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.secondary.domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = true
  }

  failover_routing_policy {
    type = "SECONDARY"
  }
}
