"""The schemas of evidence and answers: what the code writes fits them, a planted fault does not."""

import json
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from fakes.command_line import Desk
from fakes.operating import DEED, item
from fakes.recovery_world import FakeWorld, to_west, world_for
from fakes.restoring import RestoringWorld
from payment_dr.adapters.report_chain import CHAIN, append_run
from payment_dr.checks.backup_documents import VERIFICATION_EVIDENCE
from payment_dr.cli import audit, move, readiness
from payment_dr.core.settings import FailoverSettings
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.recovery.audit import entry_text, record
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.documents import (
    EVIDENCE_NAME,
    READINESS_EVIDENCE,
    READINESS_NAME,
    REBUILD_EVIDENCE,
    RECONCILIATION_PREFIX,
    ReadinessEvidence,
    RebuildEvidence,
)
from payment_dr.recovery.ports import Amount, Rebuilding, RebuildState
from payment_dr.recovery.readiness_judges import ItemState
from payment_dr.recovery.runner import start

SCHEMAS: Final = Path(__file__).parents[3] / "docs" / "reference" / "schemas"
PAGE: Final = SCHEMAS.parent / "files.md"


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def fits(name: str, document: Any) -> None:
    """It fits; with any of its names left out that must be there, or one more, it does not."""
    checked = validator(name)
    checked.validate(document)
    for required in json.loads((SCHEMAS / f"{name}.schema.json").read_text())["required"]:
        assert not checked.is_valid({k: v for k, v in document.items() if k != required})
    assert not checked.is_valid(document | {"unheard_of": 1})


@pytest.fixture(name="moved", scope="module")
def moved_fixture() -> FakeWorld:
    """A failover that came to its end, with what readiness said before it."""
    fake = world_for(MoveKind.FAILOVER)
    request = to_west(MoveKind.FAILOVER)
    said = ReadinessEvidence(
        move_id=request.move_id,
        by="ada",
        at=1.0,
        items=(item("keys"), item("lag", ItemState.FAILED)),
        overrides=("lag",),
    )
    body = READINESS_EVIDENCE.dump_json(said).decode()
    fake.ports().evidence.put(request.move_id, READINESS_NAME, body)
    start(fake.ports(), request, FailoverSettings(min_stay_s=0))
    return fake


def documents(fake: FakeWorld, name: str) -> list[Any]:
    return [json.loads(body) for (_, key), body in fake.documents.items() if key.startswith(name)]


def test_reports_of_moves_fit(moved: FakeWorld) -> None:
    (report,) = moved.reports.values()
    fits("move-report", json.loads(report))


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("move", EVIDENCE_NAME),
        ("readiness", READINESS_NAME),
        ("reconciliation", RECONCILIATION_PREFIX),
    ],
)
def test_what_a_move_leaves_fits(moved: FakeWorld, schema: str, name: str) -> None:
    found = documents(moved, name)
    assert found
    for one in found:
        if schema == "move":
            assert one["report"] is not None
            assert validator(schema).is_valid(one)
        else:
            fits(schema, one)


def test_a_rebuild_fits() -> None:
    made = RebuildEvidence(
        move_id="rebuild-1",
        by="ada",
        at=1.0,
        stamp=Stamp(epoch=Epoch(3), site=SiteName("west")),
        found=Rebuilding(
            state=RebuildState.DONE,
            records=2,
            expected=2,
            worked_s=0.5,
            payments=2,
            posted={"EUR": Amount(bookings=1, money=100)},
            implied={},
            held={},
            young=0,
            differing=0,
            differences=(),
        ),
    )
    fits("rebuild", json.loads(REBUILD_EVIDENCE.dump_json(made)))


def test_verified_backups_fit() -> None:
    world = RestoringWorld()
    world.day()
    assert len(world.filed) == 2
    for one in world.filed:
        fits("verification", json.loads(VERIFICATION_EVIDENCE.dump_json(one)))


def test_the_chain_of_drills_fits(tmp_path: Path) -> None:
    for name in ("1-run", "2-run"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text("{}")
        append_run(tmp_path / name)
    for line in (tmp_path / CHAIN).read_text().splitlines():
        fits("chain", json.loads(line))


def test_entries_of_the_audit_log_fit() -> None:
    log = Desk().office.audit
    fits("audit-entry", json.loads(entry_text(record(log, DEED))))


def test_what_commands_print_as_json_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(move.register, readiness.register, audit.register)
    for module in (move, readiness, audit):
        monkeypatch.setattr(module, "target_of", lambda where: desk.target)
    desk.office.items = (item("keys", ItemState.FAILED), item("quotas", ItemState.UNKNOWN))
    fits("readiness-answer", json.loads(desk.run("readiness", "--json").stdout))
    desk.office.items = ()
    assert desk.run("switchover", "--to", "west", "--yes").exit_code == 0
    fits("status", json.loads(desk.run("status", "--json").stdout))
    del desk.office.audit.kept[1]
    found = json.loads(desk.run("audit", "--json").stdout)
    assert found["problems"]
    fits("audit", found)


def test_each_schema_is_named_on_the_page() -> None:
    page = PAGE.read_text()
    unnamed = [one.name for one in SCHEMAS.glob("*.json") if f"schemas/{one.name}" not in page]
    assert unnamed == []
