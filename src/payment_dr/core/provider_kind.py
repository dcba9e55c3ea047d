"""Which API the provider of payments has."""

from enum import StrEnum, unique


@unique
class ProviderKind(StrEnum):
    """A kind of provider; everything above its adapter is the same for each."""

    STRIPE = "stripe"
    ACQUIRER = "acquirer"
