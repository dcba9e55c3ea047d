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

STANDARD_S: Final = 60
"""Route 53 follows alarms of standard resolution only.

Source: https://docs.aws.amazon.com/Route53/latest/APIReference/API_AlarmIdentifier.html
"""


class TakeoverSwitch:
    """Publishes the switch's level.

    Args:
        client: CloudWatch of the site that is not home.
        home: the site that clients leave while the switch is raised.
        resolution_s: of the metric: `STANDARD_S`, or 1 for the lab's stand-in of Route 53.
    """

    def __init__(
        self, client: "CloudWatchClient", *, home: SiteName, resolution_s: int = STANDARD_S
    ) -> None:
        self._client = client
        self._home = home
        self._resolution_s = resolution_s

    def publish(self, *, raised: bool) -> None:
        """Say the level; it holds for as long as the alarm's period, in the lab three seconds.

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
                        "StorageResolution": self._resolution_s,
                    }
                ],
            )
