"""PDR2xx: DynamoDB global tables, and what a payment may trust them with."""

import re
from collections.abc import Iterator
from typing import Final

from payment_dr.lint.finding import Observation, Severity, found
from payment_dr.lint.resource import Resource
from payment_dr.lint.rule import Rule
from payment_dr.lint.subject import Subject
from payment_dr.lint.values import mapping

_PAYMENT_WORDS: Final = re.compile(
    r"idempot|payment|charge|refund|capture|transaction|ledger|dedup|order", re.IGNORECASE
)


def _strong(table: Resource) -> bool:
    return any(block.text("consistency_mode") == "STRONG" for block in table.blocks("replica"))


def _unsupported(subject: Subject) -> Iterator[Observation]:
    for table in subject.plan.of("aws_dynamodb_table"):
        if not _strong(table):
            continue
        if any(block.may_be_true("enabled") for block in table.blocks("ttl")):
            yield found(table, "has multi-Region strong consistency and a time to live")
        if table.blocks("local_secondary_index"):
            yield found(table, "has multi-Region strong consistency and a local secondary index")


UNSUPPORTED: Final = Rule(
    rule_id="PDR201",
    name="strong-table-with-unsupported-feature",
    title="Strongly consistent global table with a feature it does not have",
    severity=Severity.ERROR,
    why="Global tables with multi-Region strong consistency support neither time to live nor local "
    "secondary indexes, and their mode cannot be changed later (https://docs.aws.amazon.com/"
    "amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html).",
    looks_at="`ttl` and `local_secondary_index` of tables with a `replica` whose "
    "`consistency_mode` is STRONG.",
    remedy="Remove ttl and expire items in the application; make the index a global one.",
    check=_unsupported,
)


def _transactions(subject: Subject) -> Iterator[Observation]:
    strong = [table.address for table in subject.plan.of("aws_dynamodb_table") if _strong(table)]
    if not strong:
        return
    for policy, statements in subject.policies.statements.items():
        for statement in statements or ():
            if "dynamodb:ConditionCheckItem" in statement.actions:
                yield found(
                    policy,
                    "allows dynamodb:ConditionCheckItem, which only transactions use, beside the "
                    f"strongly consistent table {strong[0]}",
                )


TRANSACTIONS: Final = Rule(
    rule_id="PDR202",
    name="transactions-with-strong-table",
    title="Transactions on a strongly consistent global table",
    severity=Severity.WARNING,
    why="TransactWriteItems and TransactGetItems are refused on tables with multi-Region strong "
    "consistency. Code written with them works against a table in one region and fails here.",
    looks_at="IAM actions: transactions have none of their own, but only they need "
    "`dynamodb:ConditionCheckItem`. The code itself is not looked at.",
    remedy="Keep what must change together in one item and use conditional writes; remove the "
    "action.",
    check=_transactions,
)


def _eventual(subject: Subject) -> Iterator[Observation]:
    replicas = subject.plan.referring("aws_dynamodb_table_replica", "global_table_arn")
    for table in subject.plan.of("aws_dynamodb_table"):
        replicated = bool(table.blocks("replica")) or table in replicas
        if replicated and not _strong(table):
            yield from _holds_payments(table)
    for table in subject.plan.of("aws_dynamodb_global_table"):
        yield from _holds_payments(table)


def _holds_payments(table: Resource) -> Iterator[Observation]:
    attributes = [block.text("name") for block in table.blocks("attribute")]
    tags = (f"{key} {value}" for key, value in mapping(table.known("tags")).items())
    for clue in (table.text("name"), table.name, *attributes, *tags):
        matched = _PAYMENT_WORDS.search(clue)
        if matched:
            yield found(
                table,
                "replicates asynchronously (no replica has consistency_mode STRONG) and by "
                f"{clue!r} holds payments or their keys",
            )
            return


EVENTUAL: Final = Rule(
    rule_id="PDR203",
    name="idempotency-in-eventual-table",
    title="Payments or idempotency keys in an eventually consistent global table",
    severity=Severity.ERROR,
    why="An eventually consistent replica lags by a second or so, and for ever when its region is "
    "lost before it sent. A client that retries at the surviving region finds no key and is "
    "charged twice; two regions that both write the same item keep the last one and drop "
    "the other.",
    looks_at="Global tables without a STRONG replica whose name, resource name, attributes or tags "
    "contain idempot, payment, charge, refund, capture, transaction, ledger, dedup or order.",
    remedy='Create the table with replica { consistency_mode = "STRONG" } and a witness or second '
    "replica in a third region of the same set; the mode of an existing table cannot be changed.",
    check=_eventual,
)

RULES: Final = (UNSUPPORTED, TRANSACTIONS, EVENTUAL)
