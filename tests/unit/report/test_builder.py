"""report.json: the keys that others read, and what they say."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from fakes.reports import bad, bare, good, report_of
from fakes.synthetic import clean_run
from payment_dr.checks.evidence import Event, SourceName, SourceState
from payment_dr.core.errors import PaymentDrError
from payment_dr.report.files import (
    REPORT_HTML,
    REPORT_JSON,
    read_json,
    report_text,
    write_html,
    write_json,
)


def test_a_report_has_the_keys_that_were_promised() -> None:
    document = json.loads(report_text(good()))
    assert document.keys() >= {
        "scenario",
        "design",
        "seed",
        "verdict",
        "claims",
        "payments",
        "data_loss",
        "double_charges",
        "recovery_time_s",
        "offered_per_s",
        "latency_ms",
        "environment",
    }
    assert document["payments"].keys() == {"attempted", "acknowledged", "refused", "indeterminate"}
    assert document["data_loss"].keys() >= {"payments", "minor_units"}
    assert document["recovery_time_s"].keys() >= {
        "acceptance",
        "ledger",
        "detection",
        "promotion",
        "reconciliation",
    }
    assert document["latency_ms"].keys() == {"p50", "p99"}
    assert document["environment"].keys() == {"cpus", "python", "postgresql", "commit"}
    assert all(claim.keys() >= {"name", "verdict", "witness"} for claim in document["claims"])


def test_a_good_run_passes_and_meets_its_objectives() -> None:
    report = good()
    assert (report.verdict, report.double_charges, report.data_loss.payments) == ("pass", 0, 0)
    assert [o.met for o in report.objectives] == [True, True, True]
    assert report.fault is not None
    assert (report.fault.action, report.fault.site, report.fault.at_s) == ("sever", "east", 4.0)
    assert report.moves[0].only_in_old_writer == report.moves[0].posted
    assert report.negative_control is None


def test_a_bad_run_names_its_losses() -> None:
    report = bad()
    assert report.verdict == "fail"
    assert report.double_charges == 1
    lost = report.data_loss
    assert lost.payments is not None
    assert lost.payments > 0
    assert lost.minor_units == sum(lost.by_currency.values()) > 0
    assert [o.met for o in report.objectives] == [True, True, False]
    witness = next(c for c in report.claims if c.name == "acknowledged-payments-survive").witness
    assert witness is not None
    assert witness.worst.payment_id is not None


def test_what_the_evidence_does_not_tell_is_null_and_not_zero() -> None:
    run = clean_run(seed=4, operations=60, rate=50)
    run.states[SourceName.PAYMENTS] = SourceState.MISSING
    run.payments.clear()
    run.moves[0] = replace(run.moves[0], standby=None)
    report = report_of(run)
    assert report.verdict == "unknown"
    assert (report.data_loss.payments, report.data_loss.minor_units) == (None, None)
    assert report.double_charges is None
    assert report.objectives[2].met is None
    assert report.moves[0].only_in_old_writer is None


def test_a_bare_run_has_a_report_without_what_it_lacks() -> None:
    report = bare()
    assert report.verdict == "unknown"
    assert (report.objectives, report.fault, report.moves) == ((), None, ())


def test_an_objective_that_was_not_measured_is_neither_met_nor_missed() -> None:
    report = report_of(clean_run(seed=4, operations=60, rate=50, fault=False))
    assert [o.met for o in report.objectives] == [None, None, True]


def test_a_run_of_one_payment_has_the_rate_that_was_asked_for() -> None:
    assert report_of(clean_run(seed=4, operations=1, rate=50, fault=False)).offered_per_s == 50


def test_a_fault_without_an_event_is_still_a_fault() -> None:
    run = clean_run(seed=4, operations=300, rate=50)
    run.events.clear()
    fault = report_of(run).fault
    assert fault is not None
    assert (fault.action, fault.site) == ("fault", None)


@pytest.mark.parametrize(
    ("must_break", "caught"),
    [
        (["acknowledged-payments-survive"], True),
        (["acknowledged-payments-survive", "postings-balance"], False),
    ],
)
def test_a_negative_control_is_caught_when_all_that_it_breaks_failed(
    must_break: list[str], caught: object
) -> None:
    run = clean_run(seed=4, operations=60, rate=50, fault=False)
    run.payments.clear()
    control = report_of(run, must_break=must_break).negative_control
    assert control is not None
    assert control.caught is caught


def test_the_run_log_says_details_in_words_and_is_bounded() -> None:
    run = clean_run(seed=4, operations=60, rate=50, fault=False)
    one = Event(
        time_ns=run.history[0].time_ns,
        name="x",
        site="east",
        detail={"a": "b", "n": [1], "z": "y" * 900},
    )
    run.events[:] = [one] * 600
    report = report_of(run)
    assert len(report.run_log) == 500
    assert report.run_log[0].detail.startswith("a b, n [1], z yyy")
    assert len(report.run_log[0].detail) == 500
    assert report.run_log[0].at_s == 0


def test_a_run_document_of_another_kind_is_refused() -> None:
    with pytest.raises(PaymentDrError, match=r"run\.json cannot be reported"):
        report_of(clean_run(seed=4, operations=5, fault=False), environment=3)


def test_reports_are_written_and_read_back(tmp_path: Path) -> None:
    assert write_json(tmp_path, good()) == tmp_path / REPORT_JSON
    assert read_json(tmp_path) == good()
    page = write_html(tmp_path, good(), other=bad())
    assert page == tmp_path / REPORT_HTML
    assert page.read_text().startswith("<!doctype html>")


def test_files_that_cannot_be_used_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(PaymentDrError, match="is not a report"):
        read_json(tmp_path)
    (tmp_path / REPORT_JSON).write_text("{}")
    with pytest.raises(PaymentDrError, match="missing required field"):
        read_json(tmp_path)
    with pytest.raises(PaymentDrError, match="cannot be written"):
        write_json(tmp_path / "none", good())
