"""Whether money is real."""

from enum import StrEnum, unique


@unique
class Mode(StrEnum):
    """`test`: the provider plays; `live`: cards are charged."""

    TEST = "test"
    LIVE = "live"
