"""Which code ran: the SHA-256 of the project's own modules that moves consist of.

The same in a package of functions and in a work tree of the same commit: modules that no function
imports, and that are in no package therefore, are left out. A test compares the two.
"""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

_PARTS: Final = ("core", "payments", "recovery")
_NOT_SHIPPED: Final = frozenset(
    {
        "abort.py",
        "audit.py",
        "reconciler.py",
        "state_machine.py",
        "survey.py",
    }
)


def hashed_modules() -> tuple[tuple[str, str], ...]:
    """Part of the project and file name of each module, sorted."""
    return tuple(
        (part, name)
        for part in _PARTS
        for name in sorted(found.name for found in files("payment_dr").joinpath(part).iterdir())
        if name.endswith(".py") and name not in _NOT_SHIPPED
    )


@cache
def code_sha256() -> str:
    """In hex, over names, sizes and contents."""
    digest = hashlib.sha256()
    for part, name in hashed_modules():
        body = files("payment_dr").joinpath(part, name).read_bytes()
        digest.update(f"{part}/{name} {len(body)}\n".encode() + body)
    return digest.hexdigest()
