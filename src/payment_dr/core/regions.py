"""Which AWS regions belong together."""

from typing import Final

MRSC_REGION_SETS: Final[tuple[frozenset[str], ...]] = (
    frozenset({"us-east-1", "us-east-2", "us-west-2"}),
    frozenset({"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"}),
    frozenset({"ap-northeast-1", "ap-northeast-2", "ap-northeast-3"}),
)
"""Regions that one table with multi-Region strong consistency may span.

Source, under multi-Region strong consistency:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""
