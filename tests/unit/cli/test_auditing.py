"""Deeds that are part of no move: at which site's desk they are written down."""

import pytest

from fakes.composed import FakeWorld
from fakes.operating import Office
from payment_dr.cli import auditing
from payment_dr.cli.auditing import audited_at
from payment_dr.functions.desk import Desk
from payment_dr.functions.environment import Environment
from payment_dr.recovery.audit import AuditEvent


def test_a_deed_of_no_move_names_the_site_and_to_what_it_was_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office, environment = Office(), FakeWorld().parts("east").environment

    def desk(given: Environment, peer: Environment | None) -> Desk:
        assert (given, peer) == (environment, None)
        return office.desk()

    monkeypatch.setattr(auditing, "compose_desk", desk)
    with audited_at(environment, "reconcile", "all payments") as deed:
        deed.end(AuditEvent.FINISHED, "0 repaired")
    assert office.audit.told() == [("reconcile", "started"), ("reconcile", "finished")]
    written = office.audit.kept[1].deed
    assert (written.site, written.move_id, written.reason) == ("east", "", "all payments")
