"""report.json and report.html in a run directory."""

from pathlib import Path
from typing import Final

import msgspec

from payment_dr.core.errors import PaymentDrError
from payment_dr.report.model import Comparison, Report
from payment_dr.report.page import page

REPORT_JSON: Final = "report.json"
REPORT_HTML: Final = "report.html"


def report_text(report: Report | Comparison) -> str:
    """The JSON that report.json holds and `--json` prints."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def write_json(directory: Path, report: Report) -> Path:
    """Write report.json; returns its path.

    Raises:
        PaymentDrError: it cannot be written.
    """
    return _write(directory / REPORT_JSON, report_text(report))


def write_html(directory: Path, report: Report, *, other: Report | None = None) -> Path:
    """Write report.html, with a comparison when there is another run; returns its path.

    Raises:
        PaymentDrError: it cannot be written.
    """
    return _write(directory / REPORT_HTML, page(report, other=other))


def read_json(directory: Path) -> Report:
    """Read report.json back.

    Raises:
        PaymentDrError: there is none, or it is not one.
    """
    path = directory / REPORT_JSON
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError) as error:
        raise PaymentDrError(
            f"{path} is not a report: {error}",
            remedy="give a directory that `payment-dr drill` wrote, e.g. reports/latest",
        ) from error


def _write(path: Path, text: str) -> Path:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PaymentDrError(
            f"{path} cannot be written: {error.strerror}",
            remedy="make room or choose another directory for reports",
        ) from error
    return path
