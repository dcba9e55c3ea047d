"""Pages of lists: how many rows, and from where on. A cursor means something to us alone."""

import base64
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from payment_dr.core.identifiers import is_uuid
from payment_dr.functions.error_catalogue import Code
from payment_dr.functions.requests import refused
from payment_dr.payments.books import PaymentPlace

LIMIT_MAX: Final = 100
LIMIT_DEFAULT: Final = 20
CURSOR_PATTERN: Final = "^[A-Za-z0-9_-]{1,200}$"

_LIMIT: Final = re.compile("[1-9][0-9]?|100")
_CURSOR: Final = re.compile(CURSOR_PATTERN.strip("^$"))
_MICROSECONDS_MAX: Final = 2**53
"""The year 2255, and what a double holds exactly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageQuery:
    """What a list was asked for; `cursor` is None for the first page."""

    limit: int = LIMIT_DEFAULT
    cursor: str | None = None

    @property
    def place(self) -> PaymentPlace | None:
        """The cursor as a place in the list of payments; RefusedError if it is none."""
        match _opened(self.cursor):
            case None:
                return None
            case [int() as created_us, str() as payment_id] if (
                0 <= created_us <= _MICROSECONDS_MAX and is_uuid(payment_id)
            ):
                return PaymentPlace(created_us=created_us, payment_id=payment_id)
            case _:
                raise bad_cursor()

    @property
    def row_id(self) -> str | None:
        """The cursor as the id of a row; RefusedError if it is none."""
        match _opened(self.cursor):
            case None:
                return None
            case [str() as row_id] if is_uuid(row_id):
                return row_id
            case _:
                raise bad_cursor()


def page_query(query: Mapping[str, str]) -> PageQuery:
    """The query of a list; RefusedError if it has anything else."""
    if not query.keys() <= {"limit", "cursor"}:
        raise refused(Code.INVALID_QUERY, "a list takes limit and cursor")
    limit = query.get("limit", str(LIMIT_DEFAULT))
    if not _LIMIT.fullmatch(limit):
        raise refused(Code.INVALID_QUERY, f"limit is 1 to {LIMIT_MAX}")
    cursor = query.get("cursor")
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise refused(Code.INVALID_QUERY, "cursor is `next_cursor` of the page before")
    return PageQuery(limit=int(limit), cursor=cursor)


def place_cursor(place: PaymentPlace) -> str:
    """The cursor for the page after that payment."""
    return _sealed([place.created_us, place.payment_id])


def row_cursor(row_id: str) -> str:
    """The cursor for the page after that row."""
    return _sealed([str(uuid.UUID(row_id))])


def bad_cursor() -> Exception:
    """The refusal of a cursor, to raise."""
    return refused(Code.INVALID_CURSOR, "the cursor is none of this list")


def _sealed(content: list[Any]) -> str:
    text = json.dumps(content, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _opened(cursor: str | None) -> Any:
    """What was sealed, or anything else that a cursor can hold; None without a cursor."""
    if cursor is None:
        return None
    try:
        content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise bad_cursor() from None
    return [] if content is None else content
