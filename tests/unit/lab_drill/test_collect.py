from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError

from fakes.drill_truth import FakeTruth
from payment_dr.adapters.settings_file import example
from payment_dr.checks.evidence import SourceName
from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.addresses import choose_addresses
from payment_dr.lab.drill import collect as module
from payment_dr.lab.drill.collect import collect, provider_rows
from payment_dr.lab.errors import LabError
from payment_dr.lab.supervisor import Lab


class UnreachableS3:
    def get_paginator(self, operation: str) -> Any:
        raise EndpointConnectionError(endpoint_url=operation)


def lab_of(directory: Path) -> Lab:
    """A lab whose sites are gone: no ledger, no evidence of moves, no provider."""

    def old_ledger(site: str) -> None:
        raise LabError(f"no old ledger of {site} was kept")

    settings = example("development")
    (directory / "logs").mkdir()
    (directory / "events").mkdir()
    fake = SimpleNamespace(
        settings=settings,
        directory=directory,
        addresses=choose_addresses(settings, Random(1)),
        status=lambda: {"ledger": {"alive": ["east"], "stale": ["east"]}},
        aws_client=lambda service, site: UnreachableS3(),
        old_ledger=old_ledger,
    )
    return cast("Lab", fake)


def test_a_provider_that_does_not_answer_is_an_error_not_an_empty_list(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="provider's records could not be read"):
        provider_rows(lab_of(tmp_path))


def test_sites_that_are_gone_leave_no_ledger_and_no_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "provider_rows", lambda lab: ())
    run = tmp_path / "run"
    run.mkdir()
    lab_directory = tmp_path / "lab"
    lab_directory.mkdir()
    collected = collect(lab_of(lab_directory), FakeTruth(), run)
    assert not collected.ledger_sites
    assert collected.rows[SourceName.MOVES] == 0


def test_an_event_that_is_none_is_named_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "provider_rows", lambda lab: ())
    lab_directory = tmp_path / "lab"
    lab_directory.mkdir()
    lab = lab_of(lab_directory)
    (lab_directory / "events" / "network.jsonl").write_text("no event\n")
    (tmp_path / "run").mkdir()
    with pytest.raises(PaymentDrError, match=r"network\.jsonl holds a line that is no event"):
        collect(lab, FakeTruth(), tmp_path / "run")
