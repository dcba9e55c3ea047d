"""Evidence copied into a directory: written by `payment-dr evidence fetch`, or by any copy of it.

`<site>/moves|reports|audit/...` as in the buckets; a copy of one bucket lies there without a site.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.recovery.evidence_chain import Kept

SIZE_MAX: Final = 256 * 1024 * 1024
"""Largest document in bytes; one that names a million payments has 40 MB."""

_MOVE_PARTS: Final = 3


def kept_of(objects: Iterable[tuple[str, str]]) -> Kept:
    """Sort out keys and bodies of one site; copies of the audit log are none of the chain."""
    reports: dict[str, str] = {}
    documents: dict[tuple[str, str], str] = {}
    for key, body in objects:
        first, *rest = key.split("/")
        if first == "reports" and key.endswith(".json"):
            reports["/".join(rest)] = body
        elif first == "moves" and key.count("/") == _MOVE_PARTS - 1:
            documents[rest[0], rest[1]] = body
    return Kept(reports=reports, documents=documents)


def read_directory(directory: Path) -> Mapping[str, Kept]:
    """The evidence of each site in it, by the name of its directory.

    Raises:
        PaymentDrError: there is none, or it cannot be read.
    """
    places = [directory, *(sub for sub in _entries(directory) if sub.is_dir())]
    found = {place.name: kept_of(_objects(place)) for place in places if _is_evidence(place)}
    if not found:
        raise PaymentDrError(
            f"{directory} holds no evidence: neither reports/ nor moves/, also not below a site",
            remedy="payment-dr evidence fetch DIR",
        )
    return found


def write_object(directory: Path, site: str, key: str, body: str) -> Path:
    """Write one object below the site; returns its path.

    Raises:
        PaymentDrError: its key leads elsewhere, or it cannot be written.
    """
    root = (directory / site).resolve()
    path = (root / key).resolve()
    if root not in path.parents:
        raise PaymentDrError(f"the evidence of {site} has a key that leads elsewhere: {key!r}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
    except OSError as error:
        raise PaymentDrError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _is_evidence(place: Path) -> bool:
    return (place / "reports").is_dir() or (place / "moves").is_dir()


def _objects(place: Path) -> Iterator[tuple[str, str]]:
    for part in ("moves", "reports"):
        for path in sorted((place / part).rglob("*.json")):
            yield path.relative_to(place).as_posix(), _read(path)


def _read(path: Path) -> str:
    """The text; what is no text stays visibly none, and is found to be no report."""
    try:
        if path.stat().st_size > SIZE_MAX:
            raise PaymentDrError(f"{path} has more than {SIZE_MAX} bytes")
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise PaymentDrError(f"{path} cannot be read: {error.strerror}") from error


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError as error:
        raise PaymentDrError(f"{directory} cannot be read: {error.strerror}") from error
