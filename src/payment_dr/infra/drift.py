"""What a plan of the whole environment would change, filed for each site's readiness to read."""

from collections.abc import Mapping, Sequence
from typing import Any

import boto3

from payment_dr.adapters.account_survey import store_drift
from payment_dr.adapters.aws_calls import tight
from payment_dr.core.settings import Settings
from payment_dr.infra.deployment import Planned
from payment_dr.infra.deployment_order import expected_order
from payment_dr.infra.outputs import flat_name

_CALL_S = 5.0


def file_drift(
    settings: Settings, plans: Sequence[Planned], outputs: Mapping[str, Any], now: float
) -> tuple[str, ...]:
    """Store in each site's bucket how many resources the plans would change for it.

    The other site's own stack does not count, so that one that is lost tells nothing of this one.

    Args:
        settings: of the environment.
        plans: of every stack of it, made now.
        outputs: of the deployment, by their flat names.
        now: Unix seconds.

    Returns:
        The sites of which it was stored; those that are not deployed have no bucket.

    Raises:
        UnavailableError: a bucket did not take it.
    """
    session: Any = boto3.session.Session()
    filed: list[str] = []
    for site in settings.sites:
        bucket = outputs.get(flat_name(site.name, "EvidenceBucket"))
        if bucket is None:
            continue
        ours = set(expected_order(settings)) - {settings.peer(site.name).name}
        changes = sum(len(one.plan.changes) for one in plans if one.plan.stack in ours)
        client = session.client("s3", region_name=site.region, config=tight(_CALL_S))
        store_drift(client, str(bucket), changes=changes, now=now)
        filed.append(site.name)
    return tuple(filed)
