"""What a person sees of a deployment, with and without a terminal."""

import io
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.engine import change, plan
from payment_dr.cli.deploy_view import Watch
from payment_dr.cli.plan_view import plan_text
from payment_dr.cli.talk import duration
from payment_dr.infra.deployment import Done, Planned
from payment_dr.infra.engine_events import (
    Began,
    Continues,
    Diagnosed,
    Failed,
    Finished,
    Said,
    Severity,
    Stopping,
)
from payment_dr.infra.engine_stack import PlanResult
from payment_dr.infra.plan_guard import find
from payment_dr.lint.document import PlanDocument

STANDBY = "aws_rds_cluster.standby"
VPC = "aws_vpc.a"


class Terminal(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        return True


def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    return terminal


def planned(*changes: Mapping[str, Any], empty: bool = False) -> Planned:
    document = msgspec.convert(plan(*changes), PlanDocument)
    made = PlanResult(
        stack="west", saved=Path("p"), json=Path("p.json"), document=document, empty=empty
    )
    return Planned(plan=made, dangers=find(document))


def watching(*changes: Mapping[str, Any]) -> Watch:
    watch = Watch(yes=True, out=io.StringIO())
    watch.began("west", 3, 4)
    watch.planned(planned(*changes))
    watch.applies(planned(*changes).plan)
    return watch


def slow() -> Watch:
    return watching(
        change(STANDBY, "create", after={"global_cluster_identifier": "g"}),
        change(VPC, "create", after={}),
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (65, "1 min 05 s"), (3599.9, "1 h 00 min"), (7380, "2 h 03 min")],
)
def test_times_are_told_as_one_reads_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_without_a_terminal_what_is_at_work_is_said_each_minute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch = slow()
    watch.hears(Began(address=STANDBY, action="create"))
    watch.hears(Began(address=VPC, action="create"))
    for seconds in (10, 20, 60, 70, 130, 960):
        watch.hears(Continues(address=STANDBY, action="create", elapsed_s=seconds))
    watch.hears(Continues(address=VPC, action="create", elapsed_s=60))
    watch.hears(Finished(address=VPC, action="create", elapsed_s=61))
    watch.hears(Said(text="of no interest"))
    watch.done(Done(stack="west", changed=True, seconds=965))
    said = [re.sub(r"^ +\d+:\d\d ", "", line) for line in capsys.readouterr().err.splitlines()]
    assert said == [
        "",
        "west  (3 of 4)",
        "  planning",
        "  applying the plan of west",
        (
            f" begins    {STANDBY}  "
            "usually 10-15 min, a secondary cluster, waits for the primary; this is normal"
        ),
        f" at work   {STANDBY}  1 min 00 s of usually 10-15 min",
        f" at work   {STANDBY}  2 min 10 s of usually 10-15 min",
        f" at work   {STANDBY}  16 min 00 s, longer than the usual 10-15 min",
        f" at work   {VPC}  1 min 00 s",
        f" created   {VPC}  1 min 01 s  [1/2]",
        "  west is done in 16 min 05 s",
    ]


def test_failures_warnings_and_an_interruption_are_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch = slow()
    watch.hears(Stopping())
    watch.hears(Failed(address=VPC, action="update", elapsed_s=3))
    watch.hears(Finished(address=STANDBY, action="replace", elapsed_s=5))
    watch.hears(Diagnosed(severity=Severity.WARNING, summary="old", detail="use another"))
    watch.hears(Diagnosed(severity=Severity.ERROR, summary="told at the end"))
    said = capsys.readouterr().err
    assert "stopping: the engine ends what it has begun and saves its state" in said
    assert f"FAILED    {VPC}  after 3 s" in said
    assert f"replace   {STANDBY}  5 s  [2/2]" in said
    assert "  warning: old\n    use another\n" in said
    assert "told at the end" not in said
    assert watch.so_far() == "1 of 2 changes"


def test_at_a_terminal_the_last_line_tells_what_is_at_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = at_a_terminal(monkeypatch)
    watch = slow()
    watch.hears(Began(address=STANDBY, action="create"))
    watch.hears(Began(address=VPC, action="create"))
    watch.hears(Continues(address=STANDBY, action="create", elapsed_s=250))
    last = terminal.getvalue().rpartition("\r\x1b[K")[2]
    assert f"at work: {STANDBY} 4 min 10 s of usually" in last
    assert last.removesuffix("\x1b[0m").endswith(" (+1)")
    assert len(re.sub(r"\x1b\[\d*m", "", last)) < 80
    watch.hears(Finished(address=STANDBY, action="create", elapsed_s=260))
    watch.hears(Finished(address=VPC, action="create", elapsed_s=270))
    assert terminal.getvalue().endswith("\r\x1b[K")
    watch.done(Done(stack="west", changed=False, seconds=1))
    assert terminal.getvalue().endswith("west is done in 1 s, nothing had to be changed\n")


def test_a_plan_in_colour_marks_what_is_dangerous() -> None:
    text = plan_text(
        planned(change("aws_kms_key.data", "delete", before={}), change(VPC, "create", after={})),
        colour=True,
    )
    assert "\x1b[32m    +   aws_vpc.a\x1b[0m" in text
    assert "\x1b[31m    -   aws_kms_key.data\x1b[0m" in text
    assert "\x1b[31m\x1b[1m  DANGER: aws_kms_key.data would be destroyed" in text


def test_a_plan_of_outputs_alone_says_so() -> None:
    assert plan_text(planned(), colour=False) == "  only outputs change\n"
    assert plan_text(planned(empty=True), colour=False) == "  no changes\n"


def test_many_changed_arguments_are_cut_short() -> None:
    before = {f"argument{number}": 1 for number in range(8)}
    text = plan_text(planned(change(VPC, "update", before=before, after={})), colour=False)
    assert text.endswith("argument4, argument5 and 2 more\n")


def test_several_waits_of_one_kind_are_one_line() -> None:
    gateways = (change(f"aws_nat_gateway.{zone}", "create", after={}) for zone in "abc")
    text = plan_text(planned(*gateways), colour=False)
    assert text.count("1-3 min") == 1
    assert "    aws_nat_gateway (3 of them): 1-3 min, one in each zone, all at once\n" in text
