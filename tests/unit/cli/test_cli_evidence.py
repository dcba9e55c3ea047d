"""`payment-dr evidence` and `audit`: of two sites over fakes, and of a copied directory."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes.command_line import LENIENT, Desk
from fakes.operating import DEED
from fakes.recovery_world import EAST, WEST, FakeWorld, to_west, world_for
from payment_dr.adapters.report_chain import append_run
from payment_dr.cli import audit, evidence
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.functions.environment import Environment
from payment_dr.recovery.audit import entry_text, record
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.evidence_chain import report_name
from payment_dr.recovery.runner import start


class Buckets:
    """Both sites' evidence; a site that is lost does not answer."""

    def __init__(self, fake: FakeWorld) -> None:
        self.fake = fake
        self.lost: set[str] = set()
        self.audit: dict[int, str] = {}

    def of(self, environment: Environment) -> "Bucket":
        return Bucket(self, environment.site)


class Bucket:
    def __init__(self, buckets: Buckets, site: str) -> None:
        self.buckets, self.site = buckets, site

    def everything(self) -> Iterator[tuple[str, str]]:
        if self.site in self.buckets.lost:
            raise UnavailableError(f"the bucket of {self.site} does not answer")
        if self.site == EAST:
            return
        for (move_id, name), body in sorted(self.buckets.fake.documents.items()):
            yield f"moves/{move_id}/{name}", body
        for number, body in self.buckets.fake.reports.items():
            yield f"reports/{report_name(number)}", body
        for number, body in self.buckets.audit.items():
            yield f"audit/{report_name(number)}", body


@pytest.fixture(name="buckets")
def buckets_fixture() -> Buckets:
    fake = world_for(MoveKind.FAILOVER)
    start(fake.ports(), to_west(MoveKind.FAILOVER), LENIENT)
    return Buckets(fake)


@pytest.fixture(name="desk")
def desk_fixture(monkeypatch: pytest.MonkeyPatch, buckets: Buckets) -> Desk:
    desk = Desk(evidence.register, audit.register)
    desk.fake = buckets.fake
    for module in (evidence, audit):
        monkeypatch.setattr(module, "target_of", lambda where: desk.target)
        monkeypatch.setattr(module, "evidence_of", buckets.of)
    return desk


def test_reports_are_listed_with_who_and_why(desk: Desk) -> None:
    shown = desk.run("evidence", "list")
    assert "completed  m1" in shown.stdout
    assert "east -> west, 1 deficiencies, ada: a test" in shown.stdout
    (row,) = json.loads(desk.run("evidence", "list", "--json").stdout)
    assert (row["place"], row["number"], row["kind"]) == ("west", 1, "failover")


def test_untouched_evidence_is_verified_where_it_is(desk: Desk) -> None:
    end = desk.run("evidence", "verify")
    assert end.exit_code == 0
    assert "west: 1 reports, nothing contradicts their chain, the last has SHA-256" in end.stdout
    assert "east: 0 reports" in end.stdout


def test_a_copy_has_a_page_of_each_report_and_is_verified_without_the_target(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / "copied"
    fetched = desk.run("evidence", "fetch", str(copied), "--json")
    assert fetched.exit_code == 0
    assert json.loads(fetched.stdout)["files"] == 3
    page = (copied / "west" / "reports" / "00000001.html").read_text()
    assert "<h1>m1" in page

    def no_target(_: object) -> Any:
        raise AssertionError("a copy is verified offline")

    monkeypatch.setattr(evidence, "target_of", no_target)
    assert desk.run("evidence", "verify", str(copied)).exit_code == 0
    assert desk.run("evidence", "list", str(copied)).exit_code == 0


def changed(copied: Path) -> None:
    path = copied / "west" / "reports" / "00000001.json"
    path.write_text(path.read_text().replace('"lost_payments":0', '"lost_payments":null'))


def missing(copied: Path) -> None:
    (copied / "west" / "reports" / "00000001.json").unlink()


def inserted(copied: Path) -> None:
    path = copied / "west" / "reports" / "00000001.json"
    (copied / "west" / "reports" / "00000002.json").write_text(path.read_text())


@pytest.mark.parametrize(
    ("tamper", "found"),
    [(changed, "changed"), (missing, "missing"), (inserted, "reordered")],
)
def test_what_somebody_did_to_a_copy_is_found(
    desk: Desk, tmp_path: Path, tamper: Callable[[Path], None], found: str
) -> None:
    desk.run("evidence", "fetch", str(tmp_path))
    tamper(tmp_path)
    end = desk.run("evidence", "verify", str(tmp_path))
    assert end.exit_code == 1
    assert f"  {found}" in end.stdout
    document = json.loads(desk.run("evidence", "verify", str(tmp_path), "--json").stdout)
    assert found in [one["kind"] for one in document[0]["problems"]]


def test_nothing_to_verify_is_no_success(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "moves").mkdir()
    assert desk.run("evidence", "verify", str(tmp_path)).exit_code == 1


def test_the_chain_of_drills_is_verified_too(desk: Desk, tmp_path: Path) -> None:
    run = tmp_path / "1-run"
    run.mkdir()
    (run / "report.json").write_text("{}")
    append_run(run)
    end = desk.run("evidence", "verify", str(tmp_path))
    assert end.exit_code == 0
    assert "1 reports, nothing contradicts their chain\n" in end.stdout
    (run / "report.json").write_text("[]")
    assert desk.run("evidence", "verify", str(tmp_path)).exit_code == 1


def test_a_lost_site_is_left_out_and_told(desk: Desk, buckets: Buckets, tmp_path: Path) -> None:
    buckets.lost = {EAST}
    assert "east does not answer, and is left out" in desk.run("evidence", "verify").stderr
    fetched = desk.run("evidence", "fetch", str(tmp_path))
    assert fetched.exit_code == 1
    assert (tmp_path / "west" / "reports" / "00000001.json").is_file()
    buckets.lost = {EAST, WEST}
    assert "no site's evidence answers" in desk.refused("evidence", "verify").what


def test_the_audit_log_is_printed_with_who_what_and_why(desk: Desk) -> None:
    log = desk.office.audit
    record(log, DEED)
    record(
        log,
        replace(
            DEED,
            entry="b",
            identity="arn:ada",
            overrides=("cool-down",),
            approvals=("eve at 1",),
            detail="it ended\nwell",
            at=90_000.0,
        ),
    )
    end = desk.run("audit")
    assert end.exit_code == 0
    first, second = end.stdout.splitlines()
    assert first == (
        "     1  1970-01-01 00:00:01Z  started    failover   m1  to west, by ada on desk: drill"
    )
    assert "by ada (arn:ada) on desk" in second
    assert second.endswith("overrides cool-down  approved by eve at 1  -> it ended")
    since = desk.run("audit", "--since", "1970-01-02", "--json")
    assert [one["number"] for one in json.loads(since.stdout)["entries"]] == [2]


def test_a_log_that_was_tampered_with_is_told_with_1(desk: Desk) -> None:
    for name in "abc":
        record(desk.office.audit, replace(DEED, entry=name))
    del desk.office.audit.kept[2]
    end = desk.run("audit")
    assert end.exit_code == 1
    assert "error: missing: audit/00000002.json entry 2 is not there" in end.stderr


def test_the_log_is_compared_with_its_copies(desk: Desk, buckets: Buckets) -> None:
    entry = record(desk.office.audit, DEED)
    buckets.audit = {1: entry_text(entry)}
    buckets.lost = {EAST}
    whole = desk.run("audit", "--copies")
    assert whole.exit_code == 0
    assert "the copies of east do not answer" in whole.stderr
    desk.office.audit.kept[1] = replace(entry, deed=replace(entry.deed, who="eve"))
    assert desk.run("audit", "--copies").exit_code == 1


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("90m", 1_000_000 - 5400),
        ("2h", 1_000_000 - 7200),
        ("1d", 1_000_000 - 86_400),
        ("1970-01-02", 86_400),
        ("1970-01-01T01:00:00+01:00", 0),
    ],
)
def test_since_is_an_age_or_a_time(text: str, since: float) -> None:
    assert audit.since_of(text, 1_000_000) == since


def test_what_is_neither_an_age_nor_a_time_is_told() -> None:
    with pytest.raises(PaymentDrError, match="no age and no time"):
        audit.since_of("yesterday", 0)
