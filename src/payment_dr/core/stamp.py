"""Epoch and stamp: who may write to a ledger, decided by equality, never by time."""

from dataclasses import dataclass
from typing import NewType

Epoch = NewType("Epoch", int)
"""Number of the latest move; only rises."""

SiteName = NewType("SiteName", str)
"""A place, `east` or `west`; says nothing about who is active."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """The ledger's one stamp row: (epoch, site) of the writer it belongs to.

    `site` is None while a switchover has paused posting: nobody's stamp equals it.
    """

    epoch: Epoch
    site: SiteName | None
