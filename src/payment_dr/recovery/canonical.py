"""Documents as canonical JSON, and their SHA-256: the same content is the same bytes.

Keys sorted, no spaces, no escapes of printable letters, numbers as Python writes them shortest.
"""

import hashlib
import json
from typing import Any


def canonical(document: Any) -> str:
    """The one text of a JSON document.

    Raises:
        ValueError: it has a number that JSON has not.
    """
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256_of(document: Any) -> str:
    """In hex, of the canonical text."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()


def sha256_of_text(body: str) -> str:
    """Likewise of a document that somebody else has written, however it is laid out.

    Raises:
        ValueError: it is no JSON.
    """
    return sha256_of(json.loads(body))
