"""How long a payment is kept against how long backups are."""

from typing import Any

import pytest
from pydantic import ValidationError

from fakes.composed import SETTINGS
from payment_dr.core.settings import Settings


def settings(days: int) -> Settings:
    document: dict[str, Any] = SETTINGS.model_dump(mode="json")
    document["payments"]["record_age_days"] = days
    return Settings.model_validate(document)


def test_an_age_above_that_of_the_backups_is_taken() -> None:
    assert settings(36).payments.record_age_days == 36


def test_an_age_that_a_backup_may_have_is_refused_with_its_reason() -> None:
    with pytest.raises(ValidationError, match="record_age_days 35 must exceed deployment"):
        settings(35)
