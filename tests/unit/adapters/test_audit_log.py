"""The audit log's items: what the table may answer, and what becomes of it."""

from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from fakes.operating import DEED
from fakes.planned_client import PlannedClient, refusal
from payment_dr.adapters.audit_log import DynamoAuditLog
from payment_dr.adapters.record_items import is_payment_key
from payment_dr.core.errors import UnavailableError
from payment_dr.recovery.audit import AuditEntry, entry_text

ENTRY = AuditEntry(number=2, previous_sha256="0" * 64, deed=DEED)
ITEM = {"payment_id": {"S": "control#audit#00000002"}, "entry": {"S": entry_text(ENTRY)}}
HINT = {"payment_id": {"S": "control#audit#last"}, "number": {"N": "2"}}


def log(*planned: Any) -> tuple[DynamoAuditLog, PlannedClient]:
    client: Any = PlannedClient(*planned)
    return DynamoAuditLog(client, "table"), client


def test_every_item_has_a_key_that_readers_of_payments_skip() -> None:
    audit, client = log({})
    audit.append(ENTRY)
    keys = [request["Item"]["payment_id"]["S"] for _, request in client.calls]
    assert keys == ["control#audit#00000002", "control#audit#last"]
    assert not any(is_payment_key(key) for key in keys)
    assert client.calls[0][1]["ConditionExpression"] == "attribute_not_exists(payment_id)"


def test_the_log_is_followed_from_the_hint_to_its_end() -> None:
    audit, _ = log({"Item": {**HINT, "number": {"N": "1"}}}, {}, {"Item": ITEM}, {})
    assert audit.last() == (2, ENTRY)


def test_an_entry_that_was_taken_away_leaves_its_number() -> None:
    audit, _ = log({"Item": HINT}, {}, {})
    assert audit.last() == (2, None)


@pytest.mark.parametrize(
    "code", ["ConditionalCheckFailedException", "ReplicatedWriteConflictException"]
)
def test_a_taken_number_and_a_conflict_are_told_from_an_error(code: str) -> None:
    audit, _ = log(refusal(code))
    assert not audit.append(ENTRY)
    audit, _ = log(refusal("AccessDeniedException"))
    with pytest.raises(UnavailableError, match="writing to the audit log"):
        audit.append(ENTRY)


def test_a_hint_that_cannot_be_written_stops_nobody() -> None:
    audit, _ = log({}, ConnectTimeoutError(endpoint_url="http://x"))
    assert audit.append(ENTRY)


def batch(*items: Any, left: bool = False) -> Any:
    keys = {"table": {"Keys": [{"payment_id": {"S": "control#audit#00000002"}}]}}
    return {"Responses": {"table": list(items)}, "UnprocessedKeys": keys if left else {}}


def test_what_the_table_leaves_out_of_a_batch_is_asked_again() -> None:
    audit, client = log({"Item": HINT}, {"Item": ITEM}, {}, batch(left=True), batch(ITEM))
    assert audit.entries() == {2: ENTRY}
    assert len(client.calls) == 5


def test_a_table_that_keeps_leaving_entries_out_is_told() -> None:
    audit, _ = log({"Item": HINT}, {"Item": ITEM}, {}, batch(left=True))
    with pytest.raises(UnavailableError, match="kept leaving entries out"):
        audit.entries()


def test_an_empty_log_has_no_entries() -> None:
    audit, _ = log({})
    assert audit.entries() == {}


def test_a_log_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payment_dr.adapters.audit_log._ENTRIES_MAX", 5)
    audit, _ = log({"Item": HINT}, {"Item": ITEM})
    with pytest.raises(UnavailableError, match="more than 5 entries"):
        audit.last()
