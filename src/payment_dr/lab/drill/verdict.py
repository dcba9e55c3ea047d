"""Judges a run's directory and writes its report; needs no lab, so it can be done again later."""

from pathlib import Path

from payment_dr.adapters.evidence_check import check_directory
from payment_dr.adapters.evidence_files import read_events, read_evidence, read_run
from payment_dr.checks.measure import measure
from payment_dr.core.settings import Settings
from payment_dr.report.builder import build_report
from payment_dr.report.files import write_html, write_json
from payment_dr.report.model import Report


def judge(directory: Path, *, other: Report | None = None) -> Report:
    """Check, measure and report; `other` is the run to compare with in report.html.

    Raises:
        PaymentDrError: the directory is none of a run, or cannot be written.
    """
    evidence = read_evidence(directory)
    document = read_run(directory).document
    ttl_s = Settings.model_validate(document["settings"]).dns.ttl_s
    events = read_events(directory)
    report = build_report(
        evidence,
        document,
        check_directory(directory),
        measure(evidence, events, ttl_s=ttl_s),
        events,
    )
    write_json(directory, report)
    write_html(directory, report, other=other)
    return report


def point_latest(directory: Path) -> None:
    """Make `latest` beside the run's directory lead to it, in one step."""
    partial = directory.parent / f".latest-{directory.name}"
    partial.unlink(missing_ok=True)
    partial.symlink_to(directory.name)
    partial.replace(directory.parent / "latest")
