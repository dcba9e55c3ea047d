"""Moves of a run, as the evidence in both regions tells them."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.lab.drill import collect as module
from payment_dr.recovery.control import Move, MoveKind
from payment_dr.recovery.documents import (
    EVIDENCE_NAME,
    MOVE_EVIDENCE,
    SUPERSEDED_NAME,
    MoveEvidence,
)


def evidence(move_id: str) -> str:
    move = Move(
        move_id=move_id,
        kind=MoveKind.FAILOVER,
        source=SiteName("east"),
        target=SiteName("west"),
        step="evidence",
        started_by="watcher/west",
        started_at=1.0,
        reason="test",
        overrides=(),
        approvals=(),
        attempts=1,
    )
    stamp = Stamp(epoch=Epoch(2), site=SiteName("west"))
    return MOVE_EVIDENCE.dump_json(MoveEvidence(move=move, stamp=stamp, run_log=())).decode()


class Store:
    def __init__(self, _client: object, _bucket: str) -> None:
        """As the real one."""

    def documents(self) -> Iterator[tuple[str, str, str]]:
        yield "m1", SUPERSEDED_NAME, evidence("m1")
        yield "m2", SUPERSEDED_NAME, evidence("m2")
        yield "m2", EVIDENCE_NAME, evidence("m2")
        yield "m2", "reports", "{}"


def test_a_superseded_move_is_told_unless_it_was_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "S3EvidenceStore", Store)
    lab: Any = SimpleNamespace(settings=example("development"), aws_client=lambda *_: None)
    found = module._moves(lab)  # pylint: disable=protected-access # read as collected
    assert [one.move.move_id for one in found.finished] == ["m2"]
    assert [one.move.move_id for one in found.superseded] == ["m1"]
