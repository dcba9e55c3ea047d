"""Which payments are reconciled, and over which parts."""

import pytest

from fakes.composed import FakeWorld
from fakes.scene import PAY, Scene
from payment_dr.adapters.ledger_audit import PostgresLedgerAudit
from payment_dr.core.stamp import SiteName
from payment_dr.functions import reconciliation as module
from payment_dr.functions.reconciliation import audit_of, everything, recent, reconciler_of


def test_recent_are_the_booked_the_unconfirmed_and_the_open_each_once() -> None:
    scene = Scene()
    paid = scene.paid(PAY)
    assert list(recent(scene.table, [["a", "b"], [paid.payment_id, "a"]])) == [
        ("a", "b", paid.payment_id)
    ]
    assert list(recent(scene.table, [])) == [(paid.payment_id,)]


def test_everything_is_the_table_and_then_what_only_the_ledger_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    paid = Scene().paid(PAY)
    booked = [["a"], [paid.payment_id, "b"]]
    assert list(everything([paid], booked)) == [(paid.payment_id, "a"), ("b",)]
    monkeypatch.setattr(module, "_CHUNKS_MAX", 1)
    assert list(everything([paid], booked)) == [(paid.payment_id, "a")]


def test_records_are_scanned_from_the_table_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Client:
        def scan(self, **request: object) -> dict[str, list[object]]:
            assert request["TableName"] == "payments-table-dev"
            return {"Items": []}

    monkeypatch.setattr(module, "aws_client", lambda *_: Client())
    assert not list(module.records_of(FakeWorld().parts("east").environment))


def test_it_reads_and_books_in_the_ledger_of_its_site(monkeypatch: pytest.MonkeyPatch) -> None:
    class Secret(dict[str, str]):
        def __call__(self) -> "Secret":
            return self

        def doubt(self) -> None:
            """Read anew."""

    monkeypatch.setattr(module, "secret_of", lambda *_: Secret(username="u", password="p"))
    parts = FakeWorld().parts("west")
    audit = audit_of(parts.environment)
    assert isinstance(audit, PostgresLedgerAudit)
    audit.close()
    reconciler = reconciler_of(parts, audit)
    assert reconciler.site == SiteName("west")
    assert reconciler.ledger is parts.ports.ledger
