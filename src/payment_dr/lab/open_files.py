"""Room for sockets: shells often allow 1,024 open files, a severed link alone may hold more."""

import resource
from typing import Final

_WANTED: Final = 16_384


def raise_open_file_limit() -> int:
    """Raise this process's limit as far as it is wanted and allowed; returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
