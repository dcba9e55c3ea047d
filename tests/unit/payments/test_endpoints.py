"""A merchant's webhook endpoints: each change once per idempotency key, whoever writes besides."""

import itertools
from dataclasses import replace

import pytest

from fakes.clock import FakeClock
from fakes.directory import FakeDirectory, key_text
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.payments.endpoints import (
    WRITES_MAX,
    ChangeEndpoint,
    CreateEndpoint,
    DisableEndpoint,
    EndpointKeyReused,
    EndpointNotFound,
    EndpointRequest,
    Endpoints,
    EndpointWritten,
    RotateSecret,
    TooManyEndpoints,
)
from payment_dr.payments.merchants import ENDPOINTS_MAX, Merchant
from payment_dr.payments.requests import InvalidRequestError

CREATE = CreateEndpoint(url="https://shop.example/hook", events=("*",))


class Rivalled(FakeDirectory):
    """Somebody else writes the merchant just before, so often."""

    rivals = 0

    def replace_merchant(self, merchant: Merchant) -> bool:
        if self.rivals:
            self.rivals -= 1
            now = self.known[merchant.merchant]
            self.known[merchant.merchant] = replace(now, version=now.version + 1)
        return super().replace_merchant(merchant)


class Shop:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.directory = Rivalled()
        self.directory.admit("shop", key_text("s"))
        chance = itertools.count(1)
        self.endpoints = Endpoints(
            directory=self.directory,
            clock=self.clock,
            random=lambda size: next(chance).to_bytes(size, "big"),
        )
        self._keys = itertools.count(1)

    def write(self, request: EndpointRequest, key: str | None = None) -> EndpointWritten:
        outcome = self.endpoints.write("shop", request, key or f"key-{next(self._keys)}")
        assert isinstance(outcome, EndpointWritten)
        return outcome

    def create(self, key: str | None = None) -> str:
        return self.write(CREATE, key).endpoint.endpoint_id


@pytest.fixture(name="shop")
def shop_fixture() -> Shop:
    return Shop()


def test_an_endpoint_is_created_and_found(shop: Shop) -> None:
    made = shop.write(CREATE)
    assert (made.rotation, made.replayed) == (1, False)
    assert shop.endpoints.all("shop") == (made.endpoint,)
    assert shop.endpoints.get("shop", made.endpoint.endpoint_id) == made.endpoint
    assert shop.endpoints.get("shop", "we_other") is None


def test_a_retry_creates_nothing_and_shows_the_endpoint_as_it_is_now(shop: Shop) -> None:
    made = shop.create("k")
    shop.write(ChangeEndpoint(endpoint_id=made, url="https://b.example/", events=None))
    again = shop.write(CREATE, "k")
    assert again.replayed
    assert (again.endpoint.endpoint_id, again.endpoint.url) == (made, "https://b.example/")
    assert len(shop.endpoints.all("shop")) == 1


def test_a_key_serves_one_change_only(shop: Shop) -> None:
    made = shop.create("k")
    others: tuple[EndpointRequest, ...] = (
        replace(CREATE, url="https://c.example/"),
        replace(CREATE, events=("payment.captured",)),
        ChangeEndpoint(endpoint_id=made, url=CREATE.url, events=CREATE.events),
        RotateSecret(endpoint_id=made, overlap_s=0),
        DisableEndpoint(endpoint_id=made),
    )
    for other in others:
        assert shop.endpoints.write("shop", other, "k") == EndpointKeyReused()


def test_what_is_not_given_stays(shop: Shop) -> None:
    made = shop.create()
    changed = shop.write(ChangeEndpoint(endpoint_id=made, url=None, events=("payment.refunded",)))
    assert (changed.endpoint.url, changed.endpoint.events) == (CREATE.url, ("payment.refunded",))


def test_a_rotation_sent_twice_rotates_once(shop: Shop) -> None:
    rotate = RotateSecret(endpoint_id=shop.create(), overlap_s=60)
    first, again = shop.write(rotate, "r"), shop.write(rotate, "r")
    assert (first.rotation, again.rotation, again.replayed) == (2, 2, True)
    assert first.endpoint.previous_until == shop.clock.now() + 60
    later = shop.write(rotate)
    assert later.rotation == 3
    assert shop.write(rotate, "r").rotation == 2


def test_a_disabled_endpoint_stays_so_and_can_be_disabled_again(shop: Shop) -> None:
    made = shop.create()
    at = shop.write(DisableEndpoint(endpoint_id=made)).endpoint.disabled_at
    shop.clock.advance(5)
    assert shop.write(DisableEndpoint(endpoint_id=made)).endpoint.disabled_at == at
    assert not shop.endpoints.all("shop")[0].wants("payment.captured")


def test_there_are_no_more_endpoints_than_may_be_and_a_disabled_one_gives_way(shop: Shop) -> None:
    made: list[str] = []
    for _ in range(ENDPOINTS_MAX):
        made.append(shop.create())
        shop.clock.advance(1)
    assert shop.endpoints.write("shop", CREATE, "one-more") == TooManyEndpoints()
    shop.write(DisableEndpoint(endpoint_id=made[4]))
    newest = shop.create("one-more")
    assert [e.endpoint_id for e in shop.endpoints.all("shop")] == [
        *made[:4],
        *made[5:],
        newest,
    ]


def test_a_retry_for_an_endpoint_that_gave_way_says_so(shop: Shop) -> None:
    first = shop.create("k")
    shop.write(DisableEndpoint(endpoint_id=first))
    for _ in range(ENDPOINTS_MAX):
        shop.clock.advance(1)
        shop.create()
    assert shop.endpoints.write("shop", CREATE, "k") == EndpointNotFound()


@pytest.mark.parametrize(
    "request_of",
    [
        ChangeEndpoint(endpoint_id="we_other", url=None, events=("*",)),
        RotateSecret(endpoint_id="we_other", overlap_s=0),
        DisableEndpoint(endpoint_id="we_other"),
    ],
)
def test_an_endpoint_that_is_not_there_is_not_changed(
    shop: Shop, request_of: EndpointRequest
) -> None:
    assert shop.endpoints.write("shop", request_of, "k") == EndpointNotFound()


def test_the_latest_keys_are_remembered_and_no_more(shop: Shop) -> None:
    made = shop.create("first")
    for _ in range(WRITES_MAX):
        shop.write(DisableEndpoint(endpoint_id=made))
    assert len(shop.directory.known["shop"].writes) == WRITES_MAX
    assert not shop.write(CREATE, "first").replayed


def test_a_change_beside_another_one_loses_neither(shop: Shop) -> None:
    shop.directory.rivals = 2
    made = shop.create()
    assert shop.directory.known["shop"].version == 4
    assert shop.endpoints.get("shop", made) is not None


def test_what_keeps_changing_is_given_up(shop: Shop) -> None:
    shop.directory.rivals = 100
    with pytest.raises(UnavailableError, match="kept changing"):
        shop.create()
    assert not shop.endpoints.all("shop")


def test_a_key_is_as_it_is_everywhere(shop: Shop) -> None:
    with pytest.raises(InvalidRequestError, match="idempotency key"):
        shop.endpoints.write("shop", CREATE, "two words")


def test_a_merchant_without_an_item_is_a_defect(shop: Shop) -> None:
    with pytest.raises(PaymentDrError, match="no item"):
        shop.endpoints.all("ghost")
