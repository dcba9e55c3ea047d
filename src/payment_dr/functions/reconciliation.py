"""Reconciliation over the real parts of the active site; run by an operator, not by a schedule."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.dynamodb import DynamoPaymentsTable, table_config
from payment_dr.adapters.ledger_audit import PostgresLedgerAudit
from payment_dr.functions.composition import Composition, aws_client, ledger_login, secret_of
from payment_dr.functions.environment import Environment
from payment_dr.payments.jobs.walk import pages
from payment_dr.payments.ports import PaymentsTable
from payment_dr.payments.reconciler import CHUNK, Reconciler
from payment_dr.payments.reconciliation_report import LedgerAudit
from payment_dr.payments.record import Record

AUDIT_S: Final = 120.0
"""Longest time of one read of the ledger."""

_CONNECTIONS: Final = 1
_CHUNKS_MAX: Final = 10_000_000


def audit_of(environment: Environment) -> PostgresLedgerAudit:
    """Reads of the ledger of an environment's site."""
    secret = secret_of(environment, "ledger", SystemClock())
    return PostgresLedgerAudit(
        lambda: ledger_login(environment, secret()),
        timeout_s=AUDIT_S,
        connections=_CONNECTIONS,
        doubt=secret.doubt,
    )


def reconciler_of(parts: Composition, audit: LedgerAudit) -> Reconciler:
    """A reconciler over a process's parts."""
    return Reconciler(
        table=parts.ports.table,
        audit=audit,
        ledger=parts.ports.ledger,
        provider=parts.ports.provider,
        service=parts.service,
        control=parts.control_now,
        site=parts.environment.site,
        clock=parts.ports.clock,
    )


def records_of(environment: Environment) -> Iterator[Record]:
    """Every payment, by a scan of the table."""
    limits = environment.settings.payments
    client = aws_client(environment, "dynamodb", table_config(limits, connections=1))
    return DynamoPaymentsTable(
        client,
        environment.settings.resource("table"),
        clock=SystemClock(),
        deadline_s=limits.table_timeout_s,
    ).records()


def recent(table: PaymentsTable, booked: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    """Ids of the payments booked lately, and of all that are unconfirmed or open, each once."""
    marked = (
        record.payment_id
        for index in (table.unconfirmed, table.open_operations)
        for records in pages(table, index)
        for record in records
    )
    return _chunks(_once(itertools.chain(itertools.chain.from_iterable(booked), marked)))


def everything(
    records: Iterable[Record], booked: Iterable[Sequence[str]]
) -> Iterator[Sequence[str]]:
    """Ids of all payments of the table, then of those that only the ledger has."""
    known = (record.payment_id for record in records)
    return _chunks(_once(itertools.chain(known, itertools.chain.from_iterable(booked))))


def _once(payment_ids: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for payment_id in payment_ids:
        if payment_id not in seen:
            seen.add(payment_id)
            yield payment_id


def _chunks(payment_ids: Iterator[str]) -> Iterator[Sequence[str]]:
    for _ in range(_CHUNKS_MAX):
        chunk = tuple(itertools.islice(payment_ids, CHUNK))
        if not chunk:
            return
        yield chunk
