"""The takeover switch: a metric in the site that is not home; raised, DNS leaves home.

Level-triggered: whoever wants it raised says so again and again, and a region that is gone, or a
watcher that is, lowers it. Publishing is a data-plane call of the surviving region.
"""

from typing import TYPE_CHECKING, Final

from payment_dr.adapters.aws_calls import aws_errors
from payment_dr.core.stamp import SiteName

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

NAMESPACE: Final = "PaymentDR"
METRIC: Final = "TakeoverSwitch"


class TakeoverSwitch:
    """Publishes the switch's level.

    Args:
        client: CloudWatch of the site that is not home.
        home: the site that clients leave while the switch is raised.
    """

    def __init__(self, client: "CloudWatchClient", *, home: SiteName) -> None:
        self._client = client
        self._home = home

    def publish(self, *, raised: bool) -> None:
        """Say the level; it holds for about three seconds.

        Raises:
            UnavailableError: CloudWatch did not take it.
        """
        with aws_errors("publishing the takeover switch", writes=True):
            self._client.put_metric_data(
                Namespace=NAMESPACE,
                MetricData=[
                    {
                        "MetricName": METRIC,
                        "Dimensions": [{"Name": "Site", "Value": self._home}],
                        "Value": float(raised),
                        "StorageResolution": 1,
                    }
                ],
            )
