"""The form of the names that we give: UUIDs in lower case."""

import re
from typing import Final

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """Whether it is a UUID as we write it."""
    return _UUID.fullmatch(text) is not None
