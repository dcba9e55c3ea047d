"""One function of the catalogue with all that is its own: role, log group, alias, retries."""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktn_provider_aws.iam_role import IamRole
from cdktn_provider_aws.iam_role_policy import IamRolePolicy
from cdktn_provider_aws.lambda_alias import LambdaAlias
from cdktn_provider_aws.lambda_function import (
    LambdaFunction,
    LambdaFunctionEnvironment,
    LambdaFunctionLoggingConfig,
    LambdaFunctionTracingConfig,
    LambdaFunctionVpcConfig,
)
from cdktn_provider_aws.lambda_function_event_invoke_config import (
    LambdaFunctionEventInvokeConfig,
    LambdaFunctionEventInvokeConfigDestinationConfig,
    LambdaFunctionEventInvokeConfigDestinationConfigOnFailure,
)
from cdktn_provider_aws.lambda_provisioned_concurrency_config import (
    LambdaProvisionedConcurrencyConfig,
)
from constructs import Construct

from payment_dr.adapters.function_call import ALIAS
from payment_dr.core.deployment_settings import DeploymentSettings
from payment_dr.functions.catalogue import Every, Function, Need
from payment_dr.infra.constructs.policies import policy, trust
from payment_dr.infra.function_variables import LedgerEndpoints, function_variables
from payment_dr.infra.permission_parts import KeyArns, LedgerIds
from payment_dr.infra.permissions import (
    is_asynchronous,
    key_statements,
    login_statements,
    statements,
)
from payment_dr.infra.place import Place

_RUNTIME: Final = "python3.13"
_ARCHITECTURE: Final = "arm64"

_FEW: Final = 5
"""Room for what is called by hand or by each minute's schedule, and must not wait for others."""

_MINUTELY_AGE_S: Final = 900
"""A call that found its function busy waits so long: a job that falls behind for a quarter of an
hour is worth a dead letter, one that once took two minutes is not."""

_SELDOM_AGE_S: Final = 6 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class CodePackage:
    """The zip that all functions run: absolute path of the stack's copy, base64 of its SHA-256."""

    path: str
    source_code_hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What all functions of a site have in common."""

    place: Place
    package: CodePackage
    subnet_ids: list[str]
    security_group_id: str
    keys: KeyArns
    logs_key_arn: str
    dead_letters_arn: str
    ledger: LedgerEndpoints
    ledger_ids: LedgerIds


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteFunctionProps:
    """A function of the catalogue, where it is put."""

    function: Function
    around: Surroundings


@dataclass(frozen=True, kw_only=True, slots=True)
class Callee:
    """How callers name a function; whatever refers to this is made after the alias.

    `invoke_arn` is the alias as API Gateway writes it.
    """

    function_name: str
    qualifier: str
    alias_arn: str
    invoke_arn: str


class SiteFunction(Construct):
    """The function. Callers name its alias, so that a new version takes over in one step.

    Attributes:
        function_arn: without a version.
        callee: its alias.
    """

    def __init__(self, scope: Construct, construct_id: str, props: SiteFunctionProps) -> None:
        super().__init__(scope, construct_id)
        self._function = props.function
        self._around = props.around
        made = self._make()
        alias = LambdaAlias(
            self,
            "alias",
            name=ALIAS,
            function_name=made.function_name,
            function_version=made.version,
        )
        self._keep_warm(made, alias)
        if is_asynchronous(props.function):
            self._keep_failures(made, alias)
        self.function_arn: str = made.arn
        self.callee = Callee(
            function_name=alias.function_name,
            qualifier=alias.name,
            alias_arn=alias.arn,
            invoke_arn=alias.invoke_arn,
        )

    @property
    def _name(self) -> str:
        return self._around.place.name(self._function.name)

    def _make(self) -> LambdaFunction:
        function, around = self._function, self._around
        role, policies = self._role()
        return LambdaFunction(
            self,
            "function",
            function_name=self._name,
            description=function.purpose,
            role=role.arn,
            handler=function.lambda_handler,
            runtime=_RUNTIME,
            architectures=[_ARCHITECTURE],
            filename=around.package.path,
            source_code_hash=around.package.source_code_hash,
            publish=True,
            memory_size=function.memory_mb,
            timeout=function.timeout_s,
            reserved_concurrent_executions=reserved(function, around.place.settings.deployment),
            vpc_config=LambdaFunctionVpcConfig(
                subnet_ids=around.subnet_ids, security_group_ids=[around.security_group_id]
            ),
            environment=LambdaFunctionEnvironment(
                variables=function_variables(function, around.place, around.ledger)
            ),
            kms_key_arn=around.keys.data,
            logging_config=LambdaFunctionLoggingConfig(
                log_format="JSON", log_group=self._log_group().name
            ),
            tracing_config=LambdaFunctionTracingConfig(mode="Active"),
            # Lambda looks at the role when it attaches the function to its subnets.
            depends_on=[*policies],
        )

    def _role(self) -> tuple[IamRole, list[IamRolePolicy]]:
        function, place = self._function, self._around.place
        role = IamRole(
            self,
            "role",
            name=self._name,
            description=f"Function {function.name} of {place.site.name}, no other",
            assume_role_policy=trust("lambda.amazonaws.com"),
        )
        allowed = {
            "calls": statements(function, place),
            "keys": key_statements(function, place, self._around.keys),
            "logins": login_statements(function, place, self._around.ledger_ids),
        }
        return role, [
            IamRolePolicy(self, name, name=name, role=role.name, policy=policy(*found))
            for name, found in allowed.items()
            if found
        ]

    def _log_group(self) -> CloudwatchLogGroup:
        return CloudwatchLogGroup(
            self,
            "logs",
            name=f"/aws/lambda/{self._name}",
            retention_in_days=self._around.place.settings.deployment.log_retention_days,
            kms_key_id=self._around.logs_key_arn,
        )

    def _keep_warm(self, made: LambdaFunction, alias: LambdaAlias) -> None:
        kept = self._around.place.settings.deployment.provisioned_concurrency
        if scales_out(self._function) and kept:
            LambdaProvisionedConcurrencyConfig(
                self,
                "warm",
                function_name=made.function_name,
                qualifier=alias.name,
                provisioned_concurrent_executions=kept,
            )

    def _keep_failures(self, made: LambdaFunction, alias: LambdaAlias) -> None:
        """Settings belong to the name that is called: Secrets Manager names no alias."""
        minutely = self._function.every in (Every.MINUTE, Every.FIVE_MINUTES)
        rotates = Need.ROTATE in self._function.needs
        LambdaFunctionEventInvokeConfig(
            self,
            "failures",
            function_name=made.function_name,
            qualifier=None if rotates else alias.name,
            # The next call is the retry; a restore is not begun twice in a night.
            maximum_retry_attempts=2 if rotates else 0,
            maximum_event_age_in_seconds=_MINUTELY_AGE_S if minutely else _SELDOM_AGE_S,
            destination_config=LambdaFunctionEventInvokeConfigDestinationConfig(
                on_failure=LambdaFunctionEventInvokeConfigDestinationConfigOnFailure(
                    destination=self._around.dead_letters_arn
                )
            ),
        )


def scales_out(function: Function) -> bool:
    """Whether as many of it run as there are requests: the payment API alone."""
    return function.every is None and not function.single and Need.MERCHANTS in function.needs


def reserved(function: Function, deployment: DeploymentSettings) -> int:
    """Reserved concurrency: most calls at once, and room that nobody else in the account takes."""
    if function.single:
        return 1
    return deployment.reserved_concurrency if scales_out(function) else _FEW
