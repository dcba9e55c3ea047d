"""Scheduled at both sites: finishes what crashed handlers left pending, and expires what is old."""

from collections.abc import Mapping
from typing import Any, Final

from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.dynamodb import DynamoPaymentsTable, table_config
from payment_dr.adapters.expiry_bookmark import DynamoBookmark
from payment_dr.functions.composition import JOBS, Composition, aws_client, composition
from payment_dr.functions.environment import Environment
from payment_dr.functions.jobs import report
from payment_dr.functions.logs import logged
from payment_dr.payments.jobs.expirer import Bookmark, Expirer, ExpiringTable
from payment_dr.payments.jobs.sweeper import Sweeper

_DAY_S: Final = 86_400.0


@logged
def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One pass over the open operations, and some pages of all records."""
    parts = composition(JOBS)
    swept = report("sweeper", sweeper(parts).run)
    old = report("expirer", expirer(parts, *expiry_of(parts.environment)).run)
    return {**swept, "expired": old["expired"]}


def sweeper(parts: Composition) -> Sweeper:
    """The job over a process's parts."""
    return Sweeper(
        table=parts.ports.table,
        service=parts.service,
        clock=parts.ports.clock,
        spread=parts.spread,
        budget_s=parts.environment.settings.payments.job_interval_s,
    )


def expirer(parts: Composition, table: ExpiringTable, bookmark: Bookmark) -> Expirer:
    """The job over a process's parts; a move may have begun, so the control record is read anew."""
    return Expirer(
        table=table,
        bookmark=bookmark,
        control=parts.control_now,
        site=parts.environment.site,
        clock=parts.ports.clock,
        age_s=parts.environment.settings.payments.record_age_days * _DAY_S,
    )


def expiry_of(environment: Environment) -> tuple[DynamoPaymentsTable, DynamoBookmark]:
    """The payments table as the expirer walks it, and where it is."""
    limits, name = environment.settings.payments, environment.settings.resource("table")
    client = aws_client(environment, "dynamodb", table_config(limits, connections=1))
    clock, deadline_s = SystemClock(), limits.table_timeout_s
    table = DynamoPaymentsTable(client, name, clock=clock, deadline_s=deadline_s)
    return table, DynamoBookmark(client, name)
