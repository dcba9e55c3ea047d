"""`payment-dr reconcile` and `settlement`: what they show, and their exit codes."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from fakes.composed import FakeWorld
from fakes.operating import Office
from payment_dr.adapters.ledger_audit import Settlement
from payment_dr.cli import reconcile, settlement
from payment_dr.core.errors import PaymentDrError
from payment_dr.payments.reconciliation_report import Cause, Difference, Reconciliation

MISSING = Difference(
    cause=Cause.BOOKING_MISSING,
    subject="p1",
    operation_id="o1",
    detail="payment.captured",
    repaired=True,
)
TOTAL = Difference(cause=Cause.TOTAL_DIFFERS, subject="acme EUR fees")


@dataclass
class Fakes:
    found: tuple[Difference, ...] = ()
    since: list[float] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    sums: tuple[Settlement, ...] = ()
    office: Office = field(default_factory=Office)

    def payments(self, since: float) -> Iterator[Sequence[str]]:
        self.since.append(since)
        yield ["booked"]

    def settlement(self, *asked: object) -> tuple[Settlement, ...]:
        self.asked.append(asked)
        return self.sums

    def close(self) -> None:
        """Nothing is open."""

    def run(self, chunks: Iterable[Sequence[str]], *, repair: bool) -> Reconciliation:
        self.asked.append(([one for chunk in chunks for one in chunk], repair))
        return Reconciliation(payments=1, differences=self.found)


@pytest.fixture(name="fakes")
def fakes_fixture(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    fakes, world = Fakes(), FakeWorld()
    monkeypatch.setattr(reconcile, "audited_at", fakes.office.audited_at)
    monkeypatch.setattr(reconcile, "compose", lambda _environment, _role: world.parts("east"))
    monkeypatch.setattr(reconcile, "records_of", lambda _environment: [])
    monkeypatch.setattr(reconcile, "reconciler_of", lambda _parts, _audit: fakes)
    for module in (reconcile, settlement):
        monkeypatch.setattr(module, "active_environment", lambda lab: lab)
        monkeypatch.setattr(module, "audit_of", lambda _environment: fakes)
    return fakes


def run(*arguments: str) -> Result:
    app = typer.Typer()
    reconcile.register(app)
    settlement.register(app)
    return CliRunner().invoke(app, arguments)


def test_without_differences_it_is_exit_code_0(fakes: Fakes) -> None:
    done = run("reconcile")
    assert done.exit_code == 0
    assert "1 payments, 0 differences, 0 remain" in done.output
    assert fakes.asked == [(["booked"], True)]


def test_what_was_repaired_is_told_and_is_exit_code_0(fakes: Fakes) -> None:
    fakes.found = (MISSING,)
    done = run("reconcile")
    assert done.exit_code == 0
    assert "repaired  booking missing  p1  o1  payment.captured\n" in done.output


def test_what_remains_is_exit_code_1(fakes: Fakes) -> None:
    fakes.found = (MISSING, TOTAL)
    done = run("reconcile", "--json")
    assert done.exit_code == 1
    body = json.loads(done.stdout)
    assert (body["payments"], body["remaining"]) == (1, 1)
    assert [one["cause"] for one in body["differences"]] == ["booking missing", "total differs"]
    assert "remains  total differs  acme EUR fees  -\n" in run("reconcile").output


def test_a_window_all_of_it_or_only_a_look_can_be_asked_for(fakes: Fakes) -> None:
    run("reconcile", "--hours", "1")
    run("reconcile", "--deep", "--no-repair")
    now = FakeWorld().clock.now()
    assert fakes.since == [now - 3600, 0.0]
    assert [repair for _, repair in fakes.asked] == [True, False]


def test_a_repair_is_a_deed_and_a_look_is_none(fakes: Fakes) -> None:
    fakes.found = (MISSING, TOTAL)
    run("reconcile", "--hours", "2", "--no-repair")
    assert fakes.office.audit.told() == []
    run("reconcile", "--hours", "2")
    assert fakes.office.audit.told() == [("reconcile", "started"), ("reconcile", "finished")]
    deed = fakes.office.audit.kept[2].deed
    assert deed.reason == "payments of the last 2 hours"
    assert deed.detail == "1 repaired, 1 remain"
    run("reconcile", "--deep")
    assert fakes.office.audit.kept[3].deed.reason == "all payments"


SUMS = Settlement(currency="EUR", captured=900, refunded=100, fees=9, net=791, entries=4)
DAYS = ("--merchant", "acme", "--from", "2026-01-01", "--to", "2026-01-31")


def test_a_settlement_covers_whole_days_in_utc(fakes: Fakes) -> None:
    fakes.sums = (SUMS,)
    body = json.loads(run("settlement", *DAYS, "--json").stdout)
    assert body["currencies"] == [
        {"currency": "EUR", "captured": 900, "refunded": 100, "fees": 9, "net": 791, "entries": 4}
    ]
    text = run("settlement", *DAYS).output
    assert "EUR  captured 900  refunded 100  fees 9  net 791  (4 entries, minor units)" in text
    assert fakes.asked == [("acme", 1_767_225_600.0, 1_769_904_000.0)] * 2


@pytest.mark.parametrize(
    ("days", "error"),
    [
        (("--from", "yesterday", "--to", "2026-01-31"), "'yesterday' is no day"),
        (("--from", "2026-02-01", "--to", "2026-01-31"), "is before"),
    ],
)
def test_days_that_make_no_sense_are_refused(
    fakes: Fakes, days: tuple[str, ...], error: str
) -> None:
    done = run("settlement", "--merchant", "acme", *days)
    assert isinstance(done.exception, PaymentDrError)
    assert error in done.exception.what
    assert not fakes.asked
