"""`payment-dr verify-backup` against a running lab: readiness reads what it finds."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from payment_dr.adapters.settings_file import example
from payment_dr.cli.main import build
from payment_dr.lab.http_call import call_json
from payment_dr.lab.supervisor import Lab

pytestmark = pytest.mark.lab


@pytest.fixture(name="lab")
def lab_fixture() -> Iterator[Lab]:
    with Lab(example("development"), schedules={}) as lab:
        yield lab


def run(lab: Lab, command: str, *arguments: str) -> Result:
    return CliRunner().invoke(build(command), [command, "--lab", str(lab.directory), *arguments])


def item(lab: Lab, site: str) -> dict[str, Any]:
    found = json.loads(run(lab, "readiness", "--at", site, "--json").stdout)
    (one,) = (one for one in found["items"] if one["name"] == "backup-verification")
    return dict(one)


def test_both_sites_backups_are_restored_judged_and_deleted_and_readiness_knows(lab: Lab) -> None:
    assert item(lab, "west")["state"] == "failed"
    done = run(lab, "verify-backup", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    verified = [(one["site"], one["point"]["kind"]) for one in document["verifications"]]
    assert sorted(verified) == [
        ("east", "point-in-time"),
        ("east", "snapshot"),
        ("west", "point-in-time"),
        ("west", "snapshot"),
    ]
    assert not list(lab.directory.glob("pg/*-backups/restored-*"))
    for site in ("east", "west"):
        assert item(lab, site)["state"] == "ok"
        assert document["run"] in item(lab, site)["evidence"]
    logged = (lab.directory / "logs" / "backup-verification.log").read_text().splitlines()
    published = [json.loads(line) for line in logged if '"BackupVerified"' in line]
    assert [line["BackupVerified"] for line in published] == [1.0] * 4


def test_a_page_that_changed_in_the_backup_is_found(lab: Lab) -> None:
    port = lab.addresses.control_port
    path = "/sites/east/backup-verification"
    call_json(port, "POST", path, {"run": "2026-01-01"}, timeout_s=60)
    base = lab.directory / "pg" / "east-backups" / "base"
    with lab.connect("east") as connection:
        row: Any = connection.execute("SELECT pg_relation_filepath('ledger.stamp')").fetchone()
    page = base / row[0]
    content = page.read_bytes()
    page.write_bytes(content[:4_000] + bytes([content[4_000] ^ 1]) + content[4_001:])
    done = run(lab, "verify-backup", "--site", "east")
    assert done.exit_code == 1
    assert "checksum mismatch" in done.stdout
    assert item(lab, "east")["state"] == "failed"
