"""The recovery function and the state machine that calls it, in a lab that was not deployed into.

Only what an execution needs: the lab's hosts run the function whatever its package holds.
"""

import io
import json
import zipfile
from typing import Any, Final

from payment_dr.adapters.function_call import ALIAS
from payment_dr.core.settings import Settings
from payment_dr.functions.catalogue import function
from payment_dr.recovery.state_machine import definition

_NAME: Final = "recovery"


def create_machine(settings: Settings, site: str, functions: Any, machines: Any) -> None:
    """Create both at a site, under the names that a deployment gives them.

    Args:
        settings: of the lab.
        site: where moves lead to.
        functions: boto3's client for Lambda in the site's region.
        machines: that for Step Functions.
    """
    recovery, name = function(_NAME), settings.resource(_NAME, site)
    role = f"arn:aws:iam::{settings.deployment.account_id}:role/{name}"
    created = functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler=recovery.lambda_handler,
        Timeout=recovery.timeout_s,
        Code={"ZipFile": _nothing()},
        Publish=True,
    )
    functions.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion=created["Version"])
    machine = definition(settings, function_arn=f"{created['FunctionArn']}:{ALIAS}")
    machines.create_state_machine(name=name, definition=json.dumps(machine), roleArn=role)


def _nothing() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("README", "The lab runs functions from the installed package.\n")
    return archive.getvalue()
