"""The last step of a deployment: the function that makes schema, roles and control record.

Every site has it, and it works where the ledger is the writer: at home, unless a move has led the
writer away since the first deployment.
"""

from typing import Any, Final

import boto3

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.function_call import call
from payment_dr.adapters.rds_cluster import RdsGlobalCluster
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.settings import Settings, SiteSettings
from payment_dr.functions.catalogue import function

_NAME: Final = "initialise"
_GRACE_S: Final = 20.0
_DESCRIBE_S: Final = 10.0


def initialise(settings: Settings) -> object:
    """Call it where the writer is; it may be called again whenever wanted. Its answer.

    Raises:
        PaymentDrError: nobody says who writes, or the function failed or did not answer.
    """
    session: Any = boto3.session.Session()
    site = _writer(session, settings)
    config = tight(function(_NAME).timeout_s + _GRACE_S, connect_s=10.0)
    client = session.client("lambda", region_name=site.region, config=config)
    return call(client, settings.resource(_NAME, site.name), {})


def _writer(session: Any, settings: Settings) -> SiteSettings:
    """The site whose cluster writes, by RDS at home or, when that does not answer, at the peer."""
    sites = {site.region: site.name for site in settings.sites}
    home = settings.site(settings.home)
    refusal: UnavailableError | None = None
    for asked in (home, settings.peer(home.name)):
        client = session.client("rds", region_name=asked.region, config=tight(_DESCRIBE_S))
        try:
            view = RdsGlobalCluster(client, settings.resource("global"), sites).describe()
        except UnavailableError as error:
            refusal = error
            continue
        if view.writer is not None:
            return settings.site(view.writer)
    raise PaymentDrError(
        "no site's cluster is the writer of the global cluster"
        + (f": {refusal.what}" if refusal is not None else ""),
        remedy="payment-dr status",
    )
