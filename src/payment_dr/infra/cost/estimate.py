"""The estimate: fixed costs from what the stacks hold, the rest from the number of payments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from payment_dr.core.settings import Settings
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.infra.cost.charges import CHARGES, Resource
from payment_dr.infra.cost.prices import Prices

Stacks = Mapping[str, Mapping[str, Mapping[str, Resource]]]
"""Of each stack the resources by type and id, as synthesized."""

_Row = tuple[str, float, str, str, str]
"""Item, quantity, unit, and where its price is: the table of the price list and the name in it."""

_KB_PER_GB: Final = 1_000_000
_MILLION: Final = 1_000_000
_TABLE_REGIONS: Final = 3
_MB_PER_GB: Final = 1024
_MINUTES_PER_HOUR: Final = 60
_SECONDS_PER_HOUR: Final = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One item of the bill.

    Attributes:
        scope: a stack's name, or `payments` for what grows with their number.
        item: what it is.
        quantity: how much of `unit` in a month.
        price: dollars for one unit.
    """

    scope: str
    item: str
    quantity: float
    unit: str
    price: float

    @property
    def month(self) -> float:
        """Dollars in a month."""
        return self.quantity * self.price


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A month's bill."""

    lines: tuple[Line, ...]

    @property
    def month(self) -> float:
        """Dollars in a month."""
        return sum(line.month for line in self.lines)

    def of(self, scope: str) -> float:
        """Dollars in a month for one scope."""
        return sum(line.month for line in self.lines if line.scope == scope)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope, in the order of the lines."""
        return tuple(dict.fromkeys(line.scope for line in self.lines))


def estimate(
    stacks: Stacks, settings: Settings, prices: Prices, *, payments_per_month: float
) -> Estimate:
    """The month's bill of a deployment.

    Raises:
        PaymentDrError: a price is missing.
    """
    lines = [
        *(line for name in stacks for line in _standing(name, stacks[name], prices)),
        *(line for site in settings.sites for line in _site(site.name, settings, prices)),
        *_used(payments_per_month, prices),
    ]
    return Estimate(lines=tuple(line for line in lines if line.quantity > 0))


def _standing(
    stack: str, resources: Mapping[str, Mapping[str, Resource]], prices: Prices
) -> Iterator[Line]:
    """What the stack's resources cost by being there; equal items are one line."""
    found: dict[tuple[str, str, str], float] = {}
    for kind, charges in CHARGES.items():
        for resource in resources.get(kind, {}).values():
            for charge in charges:
                key = (charge.item, charge.table, charge.price(resource))
                found[key] = found.get(key, 0.0) + charge.quantity(resource)
    for (item, table, name), count in found.items():
        hours = prices.hours_per_month if table != "month" else 1.0
        yield Line(
            scope=stack,
            item=item,
            quantity=count * hours,
            unit="month" if table == "month" else "hour",
            price=prices.of(table, name),
        )


def _site(site: str, settings: Settings, prices: Prices) -> Iterator[Line]:
    """What is charged by size that the settings give."""
    deployment = settings.deployment
    hours = prices.hours_per_month
    vcpus = prices.of("vcpus", deployment.instance_class) * deployment.instances
    yield Line(
        scope=site,
        item="proxy, by vCPUs of the instances",
        quantity=vcpus * hours,
        unit="hour",
        price=prices.of("hour", "proxy_vcpu"),
    )
    yield Line(
        scope=site,
        item="payment handlers kept warm, 1 GB each",
        quantity=deployment.provisioned_concurrency * hours,
        unit="hour",
        price=prices.of("hour", "provisioned_gb"),
    )
    minutes = hours * _MINUTES_PER_HOUR
    for function in FUNCTIONS:
        if function.every is not None:
            name = "watcher" if function.name == "watcher" else "other"
            seconds = prices.of("call", name) * minutes / function.every.value
            yield Line(
                scope=site,
                item=f"scheduled: {function.name}",
                quantity=seconds * function.memory_mb / _MB_PER_GB,
                unit="GB s",
                price=prices.of("gigabyte_second", "function"),
            )
    # With each look of the watcher, which is one an interval.
    beats = hours * _SECONDS_PER_HOUR / settings.probes.interval_s
    yield Line(
        scope=site,
        item="heartbeats in three regions",
        quantity=beats * _TABLE_REGIONS / _MILLION,
        unit="million",
        price=prices.of("million", "table_write"),
    )
    yield from _probed(site, settings, prices)


def _probed(site: str, settings: Settings, prices: Prices) -> Iterator[Line]:
    """Probes are requests as any: of `/health`, and of `/takeover` where home is not."""
    paths = 1 if site == settings.home else 2
    per_hour = prices.of("probe", "checkers") * _SECONDS_PER_HOUR / settings.probes.interval_s
    requests = paths * per_hour * prices.hours_per_month
    rows: tuple[_Row, ...] = (
        ("probes: HTTP requests", requests / _MILLION, "million", "million", "http_request"),
        ("probes: function calls", requests / _MILLION, "million", "million", "function_call"),
        (
            "probes: function time, 1 GB",
            requests * prices.of("probe", "function_seconds"),
            "GB s",
            "gigabyte_second",
            "function",
        ),
    )
    yield from _priced(site, rows, prices)


def _used(payments: float, prices: Prices) -> Iterator[Line]:
    """What grows with payments; storage is that of a month's payments."""
    one = prices.tables["payment"]
    writes = (one["table_writes"] + one["index_writes"]) * _TABLE_REGIONS
    rows: tuple[_Row, ...] = (
        ("HTTP requests", payments / _MILLION, "million", "million", "http_request"),
        ("function calls", payments / _MILLION, "million", "million", "function_call"),
        (
            "function time, 1 GB",
            payments * one["function_seconds"],
            "GB s",
            "gigabyte_second",
            "function",
        ),
        (
            "table writes in three regions",
            payments * writes / _MILLION,
            "million",
            "million",
            "table_write",
        ),
        (
            "strong table reads",
            payments * one["table_reads"] / _MILLION,
            "million",
            "million",
            "table_read",
        ),
        (
            "ledger I/O",
            payments * one["ledger_ios"] / _MILLION,
            "million",
            "million",
            "storage_io",
        ),
        (
            "ledger I/O replicated",
            payments * one["ledger_ios"] / _MILLION,
            "million",
            "million",
            "replicated_io",
        ),
        ("logs", payments * one["log_kb"] / _KB_PER_GB, "GB", "gigabyte", "logs"),
        (
            "between regions",
            payments * (one["record_kb"] * one["table_writes"] * 2 + one["ledger_kb"]) / _KB_PER_GB,
            "GB",
            "gigabyte",
            "between_regions",
        ),
        (
            "records kept, two regions",
            payments * one["record_kb"] * 2 / _KB_PER_GB,
            "GB",
            "month",
            "table_gb",
        ),
        (
            "ledger kept, two regions",
            payments * one["ledger_kb"] * 2 / _KB_PER_GB,
            "GB",
            "month",
            "storage_gb",
        ),
    )
    yield from _priced("payments", rows, prices)


def _priced(scope: str, rows: tuple[_Row, ...], prices: Prices) -> Iterator[Line]:
    for item, quantity, unit, table, name in rows:
        yield Line(
            scope=scope, item=item, quantity=quantity, unit=unit, price=prices.of(table, name)
        )
