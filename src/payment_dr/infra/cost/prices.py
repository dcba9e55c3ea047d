"""The price table: dated, with the source of each price."""

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Self

from payment_dr.core.errors import PaymentDrError


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """List prices in US dollars by table and name; `date` and `region` are those of the list."""

    date: dt.date
    region: str
    hours_per_month: float
    tables: Mapping[str, Mapping[str, float]]
    sources: Mapping[str, str]

    @classmethod
    def packaged(cls) -> Self:
        """The table that comes with payment-dr."""
        text = (files(__name__.rpartition(".")[0]) / "prices.toml").read_text()
        return cls.parse(tomllib.loads(text))

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Read a table as `prices.toml` has it."""
        tables: dict[str, dict[str, Any]] = {
            name: table for name, table in document.items() if isinstance(table, dict)
        }
        return cls(
            date=document["date"],
            region=document["region"],
            hours_per_month=document["hours_per_month"],
            sources={name: table.pop("source") for name, table in tables.items()},
            tables=tables,
        )

    def of(self, table: str, name: str) -> float:
        """A price.

        Raises:
            PaymentDrError: the table has none for that name.
        """
        try:
            return self.tables[table][name]
        except KeyError as error:
            known = ", ".join(sorted(self.tables[table]))
            raise PaymentDrError(
                f"there is no price of {table} for {name!r}; there is one for {known}",
                remedy="add it to src/payment_dr/infra/cost/prices.toml with its source",
            ) from error
