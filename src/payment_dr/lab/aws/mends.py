"""What ministack's services get wrong or leave to its web server; read in version 1.5.33.

A service is mended once, when it is first called.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

_EXECUTE: Final = "_execute_function_dispatch"
_PARSE: Final = "_parse_health_check_config"
_FIND: Final = "_find"
_REPLICATE: Final = "_replicate_secret_to_regions"
_CREATE: Final = "_create_secret"


def mend(service: str, module: Any, execute: Callable[..., dict[str, Any]]) -> None:
    """Mend the module of a service, named as its requests are signed.

    Args:
        service: e.g. `route53`.
        module: that answers its requests.
        execute: runs a function instead of ministack.
    """
    match service:
        case "lambda":
            # Below this point ministack has checked qualifier and reserved concurrency.
            setattr(module, _EXECUTE, execute)
        case "route53":
            _keep_checks(module)
        case "secretsmanager":
            _replicate_new_secrets(module)
        case "scheduler":
            module.start_scheduler()
        case _:
            pass


def _keep_checks(route53: Any) -> None:
    """It loses what a calculated check is made of, and writes "True", which SDKs take for false."""
    parse, find = getattr(route53, _PARSE), getattr(route53, _FIND)

    def parse_whole(element: Any) -> dict[str, Any]:
        configuration: dict[str, Any] = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in parse(element).items()
        }
        children = find(element, "ChildHealthChecks")
        if children is not None:
            configuration["ChildHealthChecks"] = [child.text for child in children]
        return configuration

    setattr(route53, _PARSE, parse_whole)


def _replicate_new_secrets(secrets: Any) -> None:
    """It copies a secret to other regions only when it is asked to later."""
    create = getattr(secrets, _CREATE)
    replicate = getattr(secrets, _REPLICATE)

    def create_and_replicate(data: dict[str, Any]) -> Any:
        answer = create(data)
        if answer[0] == HTTPStatus.OK and data.get("AddReplicaRegions"):
            replicate({**data, "SecretId": data["Name"]})
        return answer

    setattr(secrets, _CREATE, create_and_replicate)
