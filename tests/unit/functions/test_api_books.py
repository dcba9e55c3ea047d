"""A merchant's books over HTTP: pages without gaps or repeats, balances, and nobody else's rows."""

import json
from typing import Any

import pytest

from fakes.books import FakeBooks
from fakes.composed import API_KEY, RIVALS_KEY, FakeWorld
from fakes.provider import DECLINED_METHOD
from payment_dr.core.errors import UnavailableError
from payment_dr.functions import api
from payment_dr.functions.answers import BalanceList, EntryPage, EventAnswer, EventPage, PaymentPage


class Shop:
    """A merchant that pays and reads."""

    def __init__(self, world: FakeWorld, api_key: str) -> None:
        self.world = world
        self._authorization = f"Bearer {api_key}"

    def get(self, path: str, **query: str) -> tuple[int, Any]:
        return self._ask("GET", path, "", query)

    def pay(self, key: str, **changes: object) -> str:
        self.world.clock.advance(1)
        body = json.dumps({"amount": 100, "currency": "EUR", **changes})
        return str(self._ask("POST", "/v1/payments", body, {}, key)[1]["payment_id"])

    def operate(self, payment_id: str, name: str, amount: int) -> None:
        path, body = f"/v1/payments/{payment_id}/{name}", json.dumps({"amount": amount})
        assert self._ask("POST", path, body, {}, f"{name}-key")[0] == 201

    def _ask(
        self, method: str, path: str, body: str, query: dict[str, str], key: str = ""
    ) -> tuple[int, Any]:
        event = {
            "rawPath": path,
            "queryStringParameters": query,
            "headers": {"authorization": self._authorization, "idempotency-key": key},
            "requestContext": {"http": {"method": method}, "requestId": "r"},
            "body": body,
        }
        answer = api.answer(self.world.parts("east"), event)
        return answer["statusCode"], json.loads(answer["body"])

    def all(self, path: str, limit: int) -> list[Any]:
        """Every row, page by page."""
        rows: list[Any] = []
        query = {"limit": str(limit)}
        while True:
            status, page = self.get(path, **query)
            assert status == 200
            assert page["as_of"] == self.world.clock.now()
            assert page["has_more"] is (page["next_cursor"] is not None)
            rows += page["data"]
            if not page["has_more"]:
                return rows
            assert len(page["data"]) == limit
            query["cursor"] = page["next_cursor"]


@pytest.fixture(name="shop")
def shop_fixture() -> Shop:
    return Shop(FakeWorld(), API_KEY)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_every_payment_is_listed_once_newest_first(shop: Shop, limit: int) -> None:
    made = [shop.pay(f"k{number}") for number in range(7)]
    Shop(shop.world, RIVALS_KEY).pay("theirs")
    rows = shop.all("/v1/payments", limit)
    assert [row["payment_id"] for row in rows] == made[::-1]


def test_a_listed_payment_is_as_its_latest_booking_left_it(shop: Shop) -> None:
    payment_id = shop.pay("k", capture=False)
    shop.operate(payment_id, "captures", 80)
    shop.operate(payment_id, "refunds", 30)
    (row,) = shop.all("/v1/payments", 5)
    assert row == {
        "payment_id": payment_id,
        "status": "captured",
        "amount": 100,
        "currency": "EUR",
        "captured": 80,
        "refunded": 30,
        "fees": 0,
        "created_at": shop.world.clock.now(),
        "updated_at": shop.world.clock.now(),
    }


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_entries_are_what_moved_money_and_sum_to_zero(shop: Shop, limit: int) -> None:
    shop.pay("declined", payment_method=DECLINED_METHOD)
    first = shop.pay("k1")
    shop.operate(first, "refunds", 40)
    shop.pay("authorised", capture=False)
    shop.pay("k2", currency="JPY")
    rows = shop.all("/v1/ledger_entries", limit)
    assert [(row["kind"], row["currency"]) for row in rows] == [
        ("charge", "JPY"),
        ("refund", "EUR"),
        ("charge", "EUR"),
    ]
    assert all(sum(leg["amount"] for leg in row["postings"]) == 0 for row in rows)
    assert rows[1]["postings"] == [
        {"account": "refunds", "amount": 40},
        {"account": "provider_receivable", "amount": -40},
    ]


def test_balances_say_what_is_owed_in_each_currency(shop: Shop) -> None:
    assert shop.get("/v1/balances")[1]["data"] == []
    shop.operate(shop.pay("k1"), "refunds", 40)
    shop.pay("k2", currency="JPY", amount=7)
    status, body = shop.get("/v1/balances")
    assert status == 200
    assert body["data"] == [
        {
            "currency": "EUR",
            "balance": 60,
            "provider_receivable": 60,
            "merchant_payable": -100,
            "fees": 0,
            "refunds": 40,
        },
        {
            "currency": "JPY",
            "balance": 7,
            "provider_receivable": 7,
            "merchant_payable": -7,
            "fees": 0,
            "refunds": 0,
        },
    ]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_events_tell_everything_newest_first(shop: Shop, limit: int) -> None:
    shop.pay("declined", payment_method=DECLINED_METHOD)
    payment_id = shop.pay("k", capture=False)
    shop.operate(payment_id, "captures", 80)
    rows = shop.all("/v1/events", limit)
    assert [(row["type"], row["order"]) for row in rows] == [
        ("payment.captured", 2),
        ("payment.authorised", 1),
        ("payment.declined", 1),
    ]
    assert rows[2]["decline_code"] == "card_declined"
    for row in rows:
        assert shop.get(f"/v1/events/{row['event_id']}") == (200, row)


def test_another_merchants_rows_are_not_there(shop: Shop) -> None:
    shop.pay("k")
    (event,) = shop.all("/v1/events", 1)
    rival = Shop(shop.world, RIVALS_KEY)
    for path in ("/v1/payments", "/v1/ledger_entries", "/v1/events"):
        assert rival.all(path, 100) == []
    assert rival.get(f"/v1/events/{event['event_id']}")[1]["code"] == "event_not_found"
    assert shop.get("/v1/events/control")[0] == 404


@pytest.mark.parametrize("path", ["/v1/ledger_entries", "/v1/events"])
def test_another_merchants_cursor_opens_nothing(shop: Shop, path: str) -> None:
    rival = Shop(shop.world, RIVALS_KEY)
    for number in range(2):
        rival.pay(f"k{number}")
    cursor = rival.get(path, limit="1")[1]["next_cursor"]
    status, body = shop.get(path, cursor=cursor)
    assert (status, body["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize("path", ["/v1/payments", "/v1/ledger_entries", "/v1/events"])
def test_a_query_that_no_list_takes_is_refused(shop: Shop, path: str) -> None:
    assert shop.get(path, limit="0")[1]["code"] == "invalid_query"
    assert shop.get(path, cursor="x")[1]["code"] == "invalid_cursor"


def test_a_ledger_that_does_not_answer_is_503(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_books: FakeBooks, _merchant: str) -> None:
        raise UnavailableError("the ledger did not answer")

    monkeypatch.setattr(FakeBooks, "balances", gone)
    status, body = shop.get("/v1/balances")
    assert (status, body["code"]) == (503, "unavailable")


def test_answers_have_the_form_that_the_description_gives(shop: Shop) -> None:
    shop.operate(shop.pay("k"), "refunds", 40)
    for path, model in (
        ("/v1/payments", PaymentPage),
        ("/v1/ledger_entries", EntryPage),
        ("/v1/events", EventPage),
        ("/v1/balances", BalanceList),
    ):
        model.model_validate(shop.get(path)[1])
    event = shop.all("/v1/events", 1)[0]
    EventAnswer.model_validate(event)
