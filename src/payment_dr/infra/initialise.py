"""The last step of a deployment: home's function that makes schema, roles and control record."""

from typing import Any, Final

import boto3

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.function_call import call
from payment_dr.core.settings import Settings
from payment_dr.functions.catalogue import function

_NAME: Final = "initialise"
_GRACE_S: Final = 20.0


def initialise(settings: Settings) -> object:
    """Call it; it may be called again whenever wanted. Its answer.

    Raises:
        PaymentDrError: it failed or did not answer.
    """
    home = settings.site(settings.home)
    config = tight(function(_NAME).timeout_s + _GRACE_S, connect_s=10.0)
    session: Any = boto3.session.Session()
    client = session.client("lambda", region_name=home.region, config=config)
    return call(client, settings.resource(_NAME, home.name), {})
