"""What resources cost by being there, whatever they do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Resource = Mapping[str, Any]
"""One resource's arguments, as synthesized."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Charge:
    """What one resource of a type costs: `table` and `price` of the price list, and how much."""

    item: str
    table: str
    price: Callable[[Resource], str]
    quantity: Callable[[Resource], float] = lambda _: 1


def _always(name: str) -> Callable[[Resource], str]:
    return lambda _: name


_FAST_INTERVAL_S: Final = 10


def _options(check: Resource) -> int:
    """Options of a health check that are paid for, each."""
    return sum(
        (
            check.get("type") == "HTTPS",
            check.get("request_interval") == _FAST_INTERVAL_S,
            bool(check.get("measure_latency")),
        )
    )


CHARGES: Final[Mapping[str, tuple[Charge, ...]]] = {
    "aws_rds_cluster_instance": (
        Charge(
            item="database instances",
            table="instance_hour",
            price=lambda instance: str(instance["instance_class"]),
        ),
    ),
    "aws_nat_gateway": (
        Charge(item="NAT gateways", table="hour", price=_always("nat_gateway")),
        Charge(item="public addresses", table="hour", price=_always("public_address")),
    ),
    "aws_vpc_endpoint": (
        Charge(
            item="interface endpoints",
            table="hour",
            price=_always("interface_endpoint"),
            quantity=lambda endpoint: (
                len(endpoint["subnet_ids"])
                if endpoint.get("vpc_endpoint_type") == "Interface"
                else 0
            ),
        ),
    ),
    "aws_kms_key": (Charge(item="keys", table="month", price=_always("key")),),
    "aws_kms_replica_key": (Charge(item="keys", table="month", price=_always("key")),),
    "aws_secretsmanager_secret": (
        Charge(
            item="secrets and their replicas",
            table="month",
            price=_always("secret"),
            quantity=lambda secret: 1 + len(secret.get("replica", ())),
        ),
    ),
    "aws_cloudwatch_metric_alarm": (
        Charge(
            item="alarms",
            table="month",
            price=lambda alarm: "alarm_high_resolution" if _is_high_resolution(alarm) else "alarm",
        ),
    ),
    "aws_cloudwatch_composite_alarm": (
        Charge(item="composite alarms", table="month", price=_always("alarm_composite")),
    ),
    "aws_cloudwatch_dashboard": (
        Charge(item="dashboards", table="month", price=_always("dashboard")),
    ),
    "aws_route53_zone": (Charge(item="hosted zone", table="month", price=_always("hosted_zone")),),
    "aws_route53_health_check": (
        Charge(item="health checks", table="month", price=_always("health_check")),
        Charge(
            item="options of health checks",
            table="month",
            price=_always("health_check_option"),
            quantity=_options,
        ),
    ),
}
"""What is paid for by being there. Types that are not named cost nothing, or only by use."""

_SHORTEST_STANDARD_PERIOD_S: Final = 60


def _is_high_resolution(alarm: Resource) -> bool:
    return float(alarm.get("period", _SHORTEST_STANDARD_PERIOD_S)) < _SHORTEST_STANDARD_PERIOD_S
