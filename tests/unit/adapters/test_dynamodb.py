"""How the payments table's adapter takes DynamoDB's errors; what works is tested in the lab."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from fakes.clock import FakeClock
from payment_dr.adapters.dynamodb import DynamoPaymentsTable, table_config
from payment_dr.adapters.record_items import item_of
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.core.settings import PaymentSettings
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.payments.requests import PayRequest
from payment_dr.payments.transitions import Author, claim

AUTHOR = Author(owner="east/1", site=SiteName("east"), epoch=Epoch(1), now=1000.0, lease_s=15)
RECORD = claim(
    PayRequest(
        merchant="shop",
        idempotency_key="key",
        money=Money(minor_units=100, currency="EUR"),
        capture=True,
        payment_method="pm_card_visa",
    ),
    AUTHOR,
)


def refusal(code: str, status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "PutItem")


CONFLICT = refusal("ReplicatedWriteConflictException")


class FakeClient:
    """Gives what was planned, one answer or error a call."""

    def __init__(self, *planned: Any) -> None:
        self.planned = list(planned)
        self.calls: list[dict[str, Any]] = []
        self.before: Callable[[], object] = lambda: None

    def __getattr__(self, _action: str) -> Callable[..., Any]:
        def act(**request: Any) -> Any:
            self.before()
            self.calls.append(request)
            answer = self.planned.pop(0) if len(self.planned) > 1 else self.planned[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return act


def table(client: Any, clock: FakeClock | None = None) -> DynamoPaymentsTable:
    return DynamoPaymentsTable(client, "table", clock=clock or FakeClock(), deadline_s=2)


Act = Callable[[DynamoPaymentsTable], object]
WRITES: tuple[Act, ...] = (
    lambda t: t.put_if_absent(RECORD),
    lambda t: t.replace(RECORD, based_on=1),
)
READS: tuple[Act, ...] = (
    lambda t: t.get("x"),
    lambda t: t.get_many(["x"]),
    lambda t: t.unconfirmed(0, cursor=None, limit=1),
    lambda t: list(t.records()),
)


@pytest.mark.parametrize(
    ("error", "definite"),
    [
        (ConnectTimeoutError(endpoint_url="x"), True),
        (refusal("ProvisionedThroughputExceededException"), True),
        (ReadTimeoutError(endpoint_url="x"), False),
        (refusal("InternalServerError", 500), False),
    ],
)
def test_a_failed_write_tells_whether_it_may_have_taken_effect(
    error: Exception, *, definite: bool
) -> None:
    for act in WRITES:
        with pytest.raises(UnavailableError) as caught:
            act(table(FakeClient(error)))
        assert caught.value.definite is definite


def test_a_failed_read_is_definite() -> None:
    for act in READS:
        with pytest.raises(UnavailableError) as caught:
            act(table(FakeClient(refusal("InternalServerError", 500))))
        assert caught.value.definite


def test_a_write_that_conflicts_with_the_other_region_is_tried_again() -> None:
    client = FakeClient(CONFLICT, CONFLICT, {})
    assert table(client).replace(RECORD, based_on=1)
    assert len(client.calls) == 3


def test_a_write_after_a_conflict_may_find_its_condition_false() -> None:
    client = FakeClient(CONFLICT, refusal("ConditionalCheckFailedException"))
    assert not table(client).replace(RECORD, based_on=1)


def test_a_write_that_always_conflicts_ends_and_certainly_took_no_effect() -> None:
    client = FakeClient(CONFLICT)
    with pytest.raises(UnavailableError, match="other region") as caught:
        table(client).put_if_absent(RECORD)
    assert caught.value.definite
    assert len(client.calls) == 20


def test_a_write_that_conflicts_is_given_up_at_its_deadline() -> None:
    clock = FakeClock()
    client = FakeClient(CONFLICT)
    client.before = lambda: clock.advance(1.0)
    with pytest.raises(UnavailableError):
        table(client, clock).put_if_absent(RECORD)
    assert len(client.calls) == 2


def test_keys_that_a_batch_left_unread_are_asked_for_again() -> None:
    left = {"table": {"Keys": [{"payment_id": {"S": "b"}}], "ConsistentRead": True}}
    client = FakeClient(
        {"Responses": {}, "UnprocessedKeys": left},
        {"Responses": {"table": [item_of(RECORD)]}, "UnprocessedKeys": {}},
    )
    assert table(client).get_many(["b"]) == [RECORD]
    assert client.calls[1]["RequestItems"] == left


def test_a_batch_that_is_never_read_to_its_end_fails_instead_of_hiding_records() -> None:
    left: dict[str, Any] = {"table": {"Keys": []}}
    client = FakeClient({"Responses": {"table": []}, "UnprocessedKeys": left})
    with pytest.raises(UnavailableError, match="unread"):
        table(client).get_many(["b"])
    assert len(client.calls) == 10


def test_many_ids_are_read_in_batches_of_a_hundred() -> None:
    client = FakeClient({"Responses": {"table": [item_of(RECORD)]}})
    assert len(table(client).get_many([str(i) for i in range(250)])) == 3
    sizes = [len(call["RequestItems"]["table"]["Keys"]) for call in client.calls]
    assert sizes == [100, 100, 50]


def test_the_client_makes_one_attempt_within_the_settings_time() -> None:
    config = vars(table_config(PaymentSettings(table_timeout_s=0.4), connections=7))
    assert config["read_timeout"] == 0.4
    assert config["connect_timeout"] == 0.4
    assert config["retries"]["total_max_attempts"] == 1
    assert config["max_pool_connections"] == 7


def test_a_scan_that_never_ends_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payment_dr.adapters.dynamodb._SCAN_PAGES_MAX", 3)
    endless = FakeClient({"Items": [], "LastEvaluatedKey": {"payment_id": {"S": "x"}}})
    with pytest.raises(UnavailableError, match="did not end"):
        list(table(endless).records())
    assert len(endless.calls) == 3
