"""Settings of a deployment on AWS alone; a lab ignores them."""

import re
from enum import StrEnum, unique
from typing import Annotated

from pydantic import Field, field_validator

from payment_dr.core.settings_model import SettingsModel


@unique
class LedgerAuthentication(StrEnum):
    """How the payment API proves to the ledger who it is."""

    IAM = "iam"
    PASSWORD = "password"  # noqa: S105 - a kind of authentication


class DatabaseSettings(SettingsModel):
    """How the payment API logs in to the ledger on AWS."""

    authentication: LedgerAuthentication = LedgerAuthentication.IAM
    """`iam`: by a token of 15 minutes that its role signs for itself, so that it needs no secret;
    `password`: by the rotated secret, as jobs do. A lab's PostgreSQL knows passwords alone."""


class DeploymentSettings(SettingsModel):
    """What a deployment on AWS needs beyond what the lab knows too; both sites get the same."""

    account_id: str = "000000000000"
    """AWS account; every ARN names it, and the provider refuses any other one."""
    instance_class: str = "db.r6g.large"
    """Class of the database instances; a smaller standby is none."""
    instances: Annotated[int, Field(ge=1, le=15)] = 2
    """Database instances in each site."""
    engine_version: str = "16.8"
    """Aurora PostgreSQL; from 16.8 on a global switchover takes seconds."""
    home_follows: bool = False
    """Writes home's cluster as a secondary of the global cluster, as the other site's always is.

    To make it anew after it was lost while the other site writes. Off again after a failback.
    """
    backup_retention_days: Annotated[int, Field(ge=1, le=35)] = 35
    """How far back a cluster can be restored to a point in time."""
    vault_lock: bool = False
    """Whether copied backups cannot be deleted by anyone before they expire. Not reversible."""
    nat_per_zone: bool = True
    """One NAT gateway in each availability zone, or one for the site: cheaper, a single point."""
    provisioned_concurrency: Annotated[int, Field(ge=0, le=1000)] = 5
    """Payment handlers kept warm in each site."""
    reserved_concurrency: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Most payment handlers at once in each site."""
    log_retention_days: Annotated[int, Field(ge=1, le=3653)] = 365
    """How long logs are kept; one of the values that CloudWatch Logs takes."""
    alarm_emails: tuple[str, ...] = ()
    """Addresses that alarms are sent to; each confirms once."""

    @field_validator("account_id")
    @classmethod
    def _twelve_digits(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9]{12}", value):
            raise ValueError("must be the 12 digits of an AWS account, e.g. '123456789012'")
        return value
