"""The usual design's HTTP API: the same routes, statuses and headers over the ledger's database.

Where the cluster is a replica it answers reads, and 503 to whatever writes. `/health` asks the
database and the provider, as is usual.
"""

from collections.abc import Mapping
from typing import Any

from payment_dr.functions.api import answer
from payment_dr.functions.composition import API
from payment_dr.lab.ledger_first.composition import composition


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer one API Gateway event (HTTP API, payload format 2.0)."""
    return answer(composition(API), event)
