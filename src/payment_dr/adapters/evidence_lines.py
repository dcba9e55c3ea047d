"""Files of lines read in large pieces, decoded in C, as sources that know whether they are whole.

A malformed line is an EvidenceError that names file, line and what was expected. A last line that
was cut off is left out, and the source says that it is truncated.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Generic, TypeVar

import msgspec

from payment_dr.checks.evidence import PostingRow, SourceName, SourceState
from payment_dr.core.errors import PaymentDrError

LEDGER_FIELDS: Final = PostingRow.__struct_fields__
LEDGER_HEADER: Final = ",".join(LEDGER_FIELDS).encode()

LINE_MAX: Final = 64 * 1024 * 1024
"""Longest line in bytes; the longest real ones list what a reconciliation saw."""

_PIECE: Final = 4 * 1024 * 1024
"""Bytes read at once: so many that a line costs nothing in Python but its own handling."""

_POSTINGS: Final = msgspec.json.Decoder(PostingRow, strict=False)

Row = TypeVar("Row")


class EvidenceError(PaymentDrError):
    """A run directory cannot be read or written; names the file, and the line if there is one."""


def malformed(path: Path, line: int | None, problem: object) -> EvidenceError:
    """The error for content that is not what docs/reference/files.md says."""
    where = str(path) if line is None else f"{path} line {line}"
    return EvidenceError(
        f"{where}: {problem}", remedy="compare it with docs/reference/files.md and its schema"
    )


_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, csv.Error)
"""What decoding raises; a quote that is never closed makes a field that csv finds too long."""


def json_rows(row_type: type[Row]) -> Callable[[bytes], Sequence[Row]]:
    """A decoder of JSON lines."""
    return msgspec.json.Decoder(row_type).decode_lines


def posting_rows(piece: bytes) -> Sequence[PostingRow]:
    """Decode lines of ledger.csv.

    Lines without quotes, as all that we write are, become JSON arrays of strings by replacing their
    separators: decoding these is five times as fast as the csv module, which does the others.
    """
    if b'"' in piece or b"\\" in piece or b"\r" in piece:
        fields = list(csv.reader(piece.decode().splitlines()))
        return msgspec.convert(fields, list[PostingRow], strict=False)
    lines = piece.strip(b"\n")
    if not lines:
        return ()
    quoted = lines.replace(b",", b'","').replace(b"\n", b'"]\n["')
    return _POSTINGS.decode_lines(b'["' + quoted + b'"]')


@dataclass(kw_only=True, slots=True)
class LinesFile(Generic[Row]):
    """A `Source` in a file.

    `header` is the first line, None if there is none. `expected` is how many rows the file had when
    it was written, None if unknown. `ends_itself` is whether a row without its newline can be told
    to be whole, as a JSON object can.
    """

    path: Path
    name: SourceName
    decode: Callable[[bytes], Sequence[Row]]
    header: bytes | None = None
    expected: int | None = None
    ends_itself: bool = True
    _truncated: bool = field(default=False, init=False)

    @property
    def state(self) -> SourceState:
        """MISSING is known at once, TRUNCATED once the file has been read to its end."""
        if not self.path.is_file():
            return SourceState.MISSING
        return SourceState.TRUNCATED if self._truncated else SourceState.COMPLETE

    def __iter__(self) -> Iterator[Row]:
        if not self.path.is_file():
            return
        count = 0
        with self.path.open("rb") as file:
            if self.header is not None and not self._header(file):
                return
            for piece in _pieces(file, self.path):
                rows = self._rows(piece, count)
                count += len(rows)
                yield from rows
        if self.expected is not None and count < self.expected:
            self._truncated = True

    def _header(self, file: BinaryIO) -> bool:
        line = file.readline(LINE_MAX)
        if not line.endswith(b"\n"):
            self._truncated = True
            return False
        if line.rstrip() != self.header:
            raise malformed(
                self.path, 1, f"expected the header {self.header!r}, got {line[:200]!r}"
            )
        return True

    def _rows(self, piece: bytes, before: int) -> Sequence[Row]:
        """Decode a piece that follows `before` rows; only the file's last may lack its newline."""
        if piece.endswith(b"\n"):
            return self._decoded(piece, before)
        whole, _, last = piece.rpartition(b"\n")
        rows = [*self._decoded(whole, before)]
        if self.ends_itself:
            try:
                return [*rows, *self.decode(last)]
            except msgspec.DecodeError:
                pass
        self._truncated = True
        return rows

    def _decoded(self, piece: bytes, before: int) -> Sequence[Row]:
        try:
            return self.decode(piece)
        except _UNREADABLE as error:
            for number, line in enumerate(piece.split(b"\n"), start=before + 1):
                self._judge(line, number)
            raise malformed(self.path, None, error) from error

    def _judge(self, line: bytes, number: int) -> None:
        try:
            self.decode(line)
        except _UNREADABLE as error:
            shift = 0 if self.header is None else 1
            raise malformed(self.path, number + shift, error) from error


def _pieces(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Pieces that end with a newline; the last may not."""
    rest = b""
    while piece := file.read(_PIECE):
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield rest + piece[:cut]
            rest = piece[cut:]
        else:
            rest += piece
        if len(rest) > LINE_MAX:
            raise malformed(path, None, f"a line is longer than {LINE_MAX} bytes")
    if rest:
        yield rest
