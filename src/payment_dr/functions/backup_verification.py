"""Scheduled at both sites, every five minutes: restores backups, checks them, deletes them again.

Each day (UTC) the latest snapshot and a random point in time are restored, one after the other. A
restore takes longer than a call may, so a call is one pass (`functions.backup_pass`); on most of
them there is nothing to do.
"""

import logging
import random
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from os import environ
from typing import Any, Final

import psycopg

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.backup_reader import PostgresLiveLedger
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.dynamodb import DynamoPaymentsTable, table_config
from payment_dr.adapters.ledger_users import connected
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.adapters.rds_restore import RdsBackups, RestorePlace
from payment_dr.adapters.secrets import read_secret
from payment_dr.adapters.verification_store import VerificationStore
from payment_dr.checks.backup_documents import VERIFICATION_EVIDENCE
from payment_dr.checks.backup_source import LiveLedger
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.functions.backup_pass import Verification, VerificationPorts, expected_entries
from payment_dr.functions.composition import aws_client, ledger_login
from payment_dr.functions.environment import Environment, environment_from, needed
from payment_dr.functions.logs import configure_logs, logged

_LOG: Final = logging.getLogger(__name__)
_CALL_S: Final = 10.0
_WHOLE_LEDGER_S: Final = 600
_RUN: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d-\d\d-\d\dZ)?")


@logged
def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One pass; of the run that the event names, else of today's."""
    configure_logs()
    run = event.get("run")
    document = one_pass(ports_of(environment_from(environ)), None if run is None else str(run))
    _LOG.info("backup-verification", extra={"fields": {"did": document["did"]}})
    return document


def one_pass(ports: VerificationPorts, run: str | None) -> dict[str, Any]:
    """A pass as a JSON document: what it `did`, of which `run`, and its `verdicts` when it is over.

    Raises:
        PaymentDrError: a run cannot be named so.
        UnavailableError: something did not answer; the next pass goes on.
    """
    if run is not None and not _RUN.fullmatch(run):
        raise PaymentDrError(
            f"a run of verification cannot be named {run!r}",
            remedy="name it by its time, such as 2026-11-24T19-03-27Z",
        )
    verification = Verification(ports)
    wanted = run or verification.today()
    did = verification.advance(wanted)
    return {
        "run": wanted,
        "did": list(did),
        "verdicts": [
            VERIFICATION_EVIDENCE.dump_python(one, mode="json")
            for one in verification.verdicts(wanted)
        ],
    }


def ports_of(environment: Environment) -> VerificationPorts:
    """What the passes of a site need; connections are made when they are needed."""
    settings, site, clock = environment.settings, environment.site, SystemClock()
    dynamodb = aws_client(environment, "dynamodb", table_config(settings.payments, connections=1))
    table = DynamoPaymentsTable(
        dynamodb,
        settings.resource("table"),
        clock=clock,
        deadline_s=settings.payments.table_timeout_s,
    )
    bucket = needed(environment.evidence_bucket, "EVIDENCE_BUCKET", "verdicts are filed there")
    source = RdsBackups(
        aws_client(environment, "rds", tight(_CALL_S)),
        RestorePlace(
            cluster=settings.resource("cluster", site),
            prefix=settings.resource("restored", site),
            instance_class=settings.deployment.instance_class,
        ),
        connect=_connected,
        clock=clock,
    )
    return VerificationPorts(
        site=site,
        source=source,
        evidence=VerificationStore(aws_client(environment, "s3", tight(_CALL_S)), bucket),
        expected=lambda: expected_entries(table.records()),
        live=lambda: _live(environment),
        clock=clock,
        random=random.SystemRandom().random,
    )


def _connected(login: LedgerLogin) -> psycopg.Connection[Any]:
    return connected(login, "payment-dr-backups", statement_s=_WHOLE_LEDGER_S)


@contextmanager
def _live(environment: Environment) -> Generator[LiveLedger]:
    client = aws_client(environment, "secretsmanager", tight(_CALL_S))
    secret = read_secret(client, environment.settings.resource("ledger-admin"))
    try:
        connection = _connected(ledger_login(environment, secret))
    except psycopg.Error as error:
        raise UnavailableError(f"the live ledger does not answer: {error}") from error
    with connection:
        yield PostgresLiveLedger(connection)
