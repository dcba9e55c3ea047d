"""Files in the user's cache, each made when it is needed and absent, too old or damaged.

A file begins with a checksum of the rest, so that one that was cut short is made anew, and can be
read by its user only.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_CHECKSUM_BYTES: Final = hashlib.sha256().digest_size
_FOR_EVER: Final = float("inf")


def kept(name: str, make: Callable[[], bytes], longest_s: float = _FOR_EVER) -> bytes:
    """What the file of that name holds; `make` is called if it must be made, also after a time.

    Raises:
        OSError: the cache directory cannot be written.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(home) / "payment-dr" / "stand-in" / name
    content = _checked(path, longest_s)
    if content is None:
        content = make()
        _write(path, hashlib.sha256(content).digest() + content)
    return content


def _checked(path: Path, longest_s: float) -> bytes | None:
    try:
        age_s = time.time() - path.stat().st_mtime
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    checksum, rest = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    whole = hashlib.sha256(rest).digest() == checksum
    return rest if whole and age_s < longest_s else None


def _write(path: Path, content: bytes) -> None:
    """Write beside, then rename: who reads at the same time sees all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)
