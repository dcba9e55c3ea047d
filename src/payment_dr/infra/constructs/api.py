"""The site's HTTP API: everything goes to the payment function, which checks merchants' keys.

The names that clients use are made in another stack, in this region; the mappings find them by
name. The address that AWS gives an API is closed, so that nobody goes round names and certificates.
"""

import json
from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.apigatewayv2_api import Apigatewayv2Api
from cdktn_provider_aws.apigatewayv2_api_mapping import Apigatewayv2ApiMapping
from cdktn_provider_aws.apigatewayv2_integration import Apigatewayv2Integration
from cdktn_provider_aws.apigatewayv2_route import Apigatewayv2Route
from cdktn_provider_aws.apigatewayv2_stage import (
    Apigatewayv2Stage,
    Apigatewayv2StageAccessLogSettings,
    Apigatewayv2StageDefaultRouteSettings,
)
from cdktn_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktn_provider_aws.lambda_permission import LambdaPermission
from constructs import Construct

from payment_dr.infra.constructs.function import Callee
from payment_dr.infra.place import Place

STAGE: Final = "$default"
"""Stage and route that take every request."""

_TIMEOUT_MS: Final = 30_000
"""The longest that an HTTP API waits; the function gives up before."""

_REQUESTS_PER_HANDLER: Final = 5
"""Requests that one handler answers in a second, at the most: a charge takes 200 ms or more.
What comes faster than that would be refused by Lambda anyway, as an error of ours."""

_LOGGED: Final = {
    "requestId": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "domain": "$context.domainName",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "latencyMs": "$context.responseLatency",
    "integrationLatencyMs": "$context.integrationLatency",
    "integrationStatus": "$context.integrationStatus",
    "integrationError": "$context.integrationErrorMessage",
    "errorType": "$context.error.responseType",
    "sourceIp": "$context.identity.sourceIp",
    "userAgent": "$context.identity.userAgent",
}
"""Who, what, how long. Neither headers, which hold API keys, nor query strings, nor bodies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiProps:
    """`callee` is the payment function."""

    place: Place
    logs_key_arn: str
    callee: Callee


class SiteApi(Construct):
    """The API under both of its names.

    Attributes:
        api_id: for metrics.
        endpoint: the site's own address, `https://<site>.<name>`.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ApiProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        settings = place.settings
        api = Apigatewayv2Api(
            self,
            "api",
            name=place.name("api"),
            protocol_type="HTTP",
            disable_execute_api_endpoint=True,
            description=f"Payments at {place.site.name}",
        )
        self._route(api, props)
        stage = self._stage(api, props)
        names = {"clients": settings.dns.name, "own": settings.domain(place.site.name)}
        for whose, name in names.items():
            Apigatewayv2ApiMapping(
                self, f"name-{whose}", api_id=api.id, domain_name=name, stage=stage.id
            )
        LambdaPermission(
            self,
            "permission",
            statement_id="PaymentApi",
            action="lambda:InvokeFunction",
            function_name=props.callee.function_name,
            qualifier=props.callee.qualifier,
            principal="apigateway.amazonaws.com",
            # This API, its one stage and its one route.
            source_arn=f"{api.execution_arn}/*/{STAGE}",
        )
        self.api_id: str = api.id
        self.endpoint: str = f"https://{settings.domain(place.site.name)}"

    def _route(self, api: Apigatewayv2Api, props: ApiProps) -> None:
        integration = Apigatewayv2Integration(
            self,
            "integration",
            api_id=api.id,
            integration_type="AWS_PROXY",
            integration_method="POST",
            integration_uri=props.callee.invoke_arn,
            payload_format_version="2.0",
            timeout_milliseconds=_TIMEOUT_MS,
        )
        Apigatewayv2Route(
            self,
            "route",
            api_id=api.id,
            route_key=STAGE,
            authorization_type="NONE",
            target=f"integrations/{integration.id}",
        )

    def _stage(self, api: Apigatewayv2Api, props: ApiProps) -> Apigatewayv2Stage:
        deployment = props.place.settings.deployment
        # The prefix spares the account's policy of log deliveries, which has a small limit:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
        group = CloudwatchLogGroup(
            self,
            "logs",
            name=f"/aws/vendedlogs/api/{props.place.name('api')}",
            retention_in_days=deployment.log_retention_days,
            kms_key_id=props.logs_key_arn,
        )
        return Apigatewayv2Stage(
            self,
            "stage",
            api_id=api.id,
            name=STAGE,
            auto_deploy=True,
            default_route_settings=Apigatewayv2StageDefaultRouteSettings(
                throttling_burst_limit=deployment.reserved_concurrency,
                throttling_rate_limit=deployment.reserved_concurrency * _REQUESTS_PER_HANDLER,
                detailed_metrics_enabled=True,
            ),
            access_log_settings=Apigatewayv2StageAccessLogSettings(
                destination_arn=group.arn, format=json.dumps(_LOGGED)
            ),
        )
