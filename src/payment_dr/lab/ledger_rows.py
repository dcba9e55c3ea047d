"""A ledger's postings as the checker takes them."""

from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from payment_dr.checks.evidence import PostingRow


def posting_rows(connection: Connection[Any], site: str) -> tuple[PostingRow, ...]:
    """Every posting, in the order of posting; `site` says whose ledger the connection reads."""
    with connection.cursor(row_factory=class_row(PostingRow)) as cursor:
        cursor.execute(
            "SELECT %s AS site, e.entry_id::text, e.payment_id::text, e.kind, p.account,"
            " p.minor_units AS amount, p.currency, e.epoch,"
            " (extract(epoch FROM e.posted_at) * 1000000000)::bigint AS posted_at_ns"
            " FROM ledger.posting p JOIN ledger.journal_entry e USING (entry_id)"
            " ORDER BY e.posted_at, e.entry_id, p.leg",
            (site,),
        )
        return tuple(cursor)
