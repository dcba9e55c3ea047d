"""A request that has been let in: by whom, and what its path names."""

from collections.abc import Mapping
from dataclasses import dataclass

from payment_dr.functions.listing import PageQuery, page_query
from payment_dr.functions.requests import HttpRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """`merchant` is empty where nobody needs to be known; `named` are the parts of the path."""

    request: HttpRequest
    merchant: str
    named: Mapping[str, str]

    @property
    def page(self) -> PageQuery:
        """Which page of a list; RefusedError if the query has anything else."""
        return page_query(self.request.query)
