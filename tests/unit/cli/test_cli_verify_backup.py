"""`payment-dr verify-backup` without a lab: its passes, what it says, and the function on AWS."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from fakes.clock import FakeClock
from fakes.command_line import Desk
from fakes.restoring import RestoringWorld
from payment_dr.checks.verdict import Verdict
from payment_dr.cli import verify_backup as module
from payment_dr.cli.main import build
from payment_dr.cli.target import Target
from payment_dr.core.errors import PaymentDrError
from payment_dr.functions.backup_verification import one_pass

RUN = "2023-11-14T22-15-00Z"


def passes(world: RestoringWorld) -> module.Advance:
    """Of a function over backups in memory."""
    return lambda _site, run: one_pass(world.ports(), run)


def test_passes_are_told_until_both_backups_have_their_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = RestoringWorld()
    found = module.follow(passes(world), "east", RUN, world.clock, 20)
    assert [one.verdict for one in found] == [Verdict.PASS, Verdict.PASS]
    assert not world.existing
    said = capsys.readouterr().err
    assert "east, after 0 s: the first pass" in said
    assert f"snapshot of {RUN}: the restore has begun" in said
    assert "the verdict is pass" in said


def test_without_a_verdict_it_ends_and_says_where_to_look() -> None:
    def nothing(_site: str, _run: str) -> Mapping[str, Any]:
        return {"did": [], "verdicts": []}

    with pytest.raises(PaymentDrError, match="no verdict on the backups of east within 12 h"):
        module.follow(nothing, "east", RUN, FakeClock(), 3600)


def test_a_backup_that_fails_is_told_with_its_claims() -> None:
    world = RestoringWorld()
    world.snapshot = None
    found = module.follow(passes(world), "east", RUN, world.clock, 20)
    lines = module.table(found).splitlines()
    assert lines[0].startswith("east       snapshot       fail     0 entries, restored in - s")
    assert lines[1] == "  backup-restores fail: there is no snapshot to restore"
    assert lines[2].startswith("east       point-in-time  pass     40 entries, restored in ")
    claims = tuple(replace(one, first=None) for one in found[0].claims)
    bare = module.table([replace(found[0], claims=claims)])
    assert bare.splitlines()[1] == "  backup-restores fail"


@pytest.mark.parametrize("breaks", [False, True])
def test_on_aws_the_function_of_each_site_is_called(
    monkeypatch: pytest.MonkeyPatch, *, breaks: bool
) -> None:
    worlds = {site: RestoringWorld() for site in ("east", "west")}
    if breaks:
        worlds["west"].snapshot = None
    called: list[str] = []

    def call(_client: object, name: str, event: Mapping[str, Any]) -> object:
        called.append(name)
        site = "east" if "-east-" in name else "west"
        return one_pass(worlds[site].ports(), event["run"])

    target = Desk().target
    environments = {
        site: replace(environment, aws=None) for site, environment in target.environments.items()
    }

    def on_aws(_where: object) -> Target:
        return replace(target, environments=environments)

    monkeypatch.setattr(module, "target_of", on_aws)
    monkeypatch.setattr(module, "call", call)
    monkeypatch.setattr(module, "SystemClock", FakeClock)
    monkeypatch.setattr(module, "aws_client", lambda *_given: None)
    done = CliRunner().invoke(build("verify-backup"), ["verify-backup", "--json"])
    assert done.exit_code == int(breaks), done.output
    document = json.loads(done.stdout)
    assert [one["site"] for one in document["verifications"]] == ["east"] * 4
    assert document["run"] == "2023-11-14T22-13-20Z"
    assert set(called) == {f"payments-backup-verification-{site}-dev" for site in ("east", "west")}
    done = CliRunner().invoke(build("verify-backup"), ["verify-backup", "--site", "east"])
    assert done.exit_code == 0
    assert "point-in-time  pass" in done.stdout
