"""Messages of an engine as events; the lines are of Terraform 1.11 and 1.15."""

from typing import Any

import pytest

from fakes.engine import complaint, hook
from payment_dr.infra.engine_events import (
    Began,
    Continues,
    Diagnosed,
    Event,
    Failed,
    Finished,
    Said,
    Severity,
    parse,
)
from payment_dr.infra.engine_hints import remedy_for

STARTED = (
    '{"@level":"info","@message":"aws_vpc.a: Creating...","@module":"terraform.ui",'
    '"@timestamp":"2026-11-24T14:49:34.864927Z","hook":{"resource":{"addr":"aws_vpc.a",'
    '"module":"","resource":"aws_vpc.a","implied_provider":"aws","resource_type":"aws_vpc",'
    '"resource_name":"a","resource_key":null},"action":"create"},"type":"apply_start"}'
)


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (STARTED, Began(address="aws_vpc.a", action="create")),
        (
            hook("apply_progress", "aws_vpc.a", seconds=10),
            Continues(address="aws_vpc.a", action="create", elapsed_s=10),
        ),
        (
            hook("apply_complete", "aws_vpc.a", "delete", 12),
            Finished(address="aws_vpc.a", action="delete", elapsed_s=12),
        ),
        (
            hook("apply_errored", "aws_vpc.a", "update", 3),
            Failed(address="aws_vpc.a", action="update", elapsed_s=3),
        ),
        (
            complaint(
                "no such thing",
                "look again\n",
                address="aws_vpc.a",
                range={"filename": "cdk.tf.json", "start": {"line": 7, "column": 1, "byte": 2}},
            ),
            Diagnosed(
                severity=Severity.ERROR,
                summary="no such thing",
                detail="look again",
                address="aws_vpc.a",
                place="cdk.tf.json:7",
            ),
        ),
        (complaint("old", severity="warning"), Diagnosed(severity=Severity.WARNING, summary="old")),
        ('{"@message":"Terraform 1.15.5","type":"version"}', Said(text="Terraform 1.15.5")),
        ('{"@message":"x","type":"diagnostic"}', Said(text="x")),
        ('{"@message":"x","type":"apply_start","hook":7}', Said(text="{...}")),
        ("panic: runtime error\n", Said(text="panic: runtime error")),
        ("[]", Said(text="[]")),
    ],
)
def test_a_line_is_an_event(line: str, event: Event) -> None:
    if event == Said(text="{...}"):
        event = Said(text=line)
    assert parse(line) == event


def test_a_diagnostic_is_told_with_what_it_is_about() -> None:
    about: Any = {"severity": Severity.ERROR, "summary": "s", "detail": "d"}
    assert str(Diagnosed(**about, address="a.b", place="f:1")) == "a.b: s\nd"
    assert str(Diagnosed(**about, place="f:1")) == "f:1: s\nd"
    assert str(Diagnosed(severity=Severity.ERROR, summary="s")) == "s"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("Error acquiring the state lock", "force-unlock"),
        ('S3 bucket "payments-state-east-prod-1" does not exist.', "create the bucket"),
        ("ExpiredToken: The security token included in the request is expired", "sign in"),
        ("No valid credential sources found", "AWS_PROFILE"),
        ("AWS account ID not allowed: 111111111111", "another account"),
        ("VpcLimitExceeded: The maximum number of VPCs has been reached.", "quota"),
        ("AccessDenied: User is not authorized to perform: iam:CreateRole", "permission"),
        ("Saved plan is stale", "plans anew"),
        ("Failed to query available provider packages", "mirror"),
        ("timeout while waiting for state to become 'available'", "it continues"),
        ("something that nobody has met", ""),
    ],
)
def test_errors_that_operators_meet_have_a_remedy(error: str, remedy: str) -> None:
    found = remedy_for((Diagnosed(severity=Severity.ERROR, summary="x", detail=error),))
    assert remedy in found
    assert bool(found) is bool(remedy)
