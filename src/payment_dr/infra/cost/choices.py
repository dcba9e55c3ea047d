"""The choices that change the bill most, each as other settings to estimate with."""

from dataclasses import dataclass
from typing import Any

from payment_dr.core.settings import Settings
from payment_dr.infra.cost.prices import Prices


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Settings that differ in one thing, and what speaks against it or for it."""

    name: str
    settings: Settings
    price_of_it: str


def choices(settings: Settings, prices: Prices) -> tuple[Choice, ...]:
    """Everything that the given settings do not choose already."""
    deployment = settings.deployment
    found = [
        _choice(
            settings,
            "one NAT gateway in each site",
            "a zone's failure cuts the site off from the provider",
            nat_per_zone=False,
        ),
        _choice(
            settings,
            "one database instance in each site",
            "an instance's failure stops postings for minutes; payments go on",
            instances=1,
        ),
        _choice(
            settings,
            "no handlers kept warm",
            "the first payments after a move wait for cold starts",
            provisioned_concurrency=0,
        ),
    ]
    found += [
        _choice(settings, f"instances of {name}", "another size", instance_class=name)
        for name in prices.tables["instance_hour"]
    ]
    return tuple(choice for choice in found if choice.settings.deployment != deployment)


def _choice(settings: Settings, name: str, price_of_it: str, **changes: Any) -> Choice:
    deployment = settings.deployment.model_copy(update=changes)
    return Choice(
        name=name,
        settings=settings.model_copy(update={"deployment": deployment}),
        price_of_it=price_of_it,
    )
