"""Authentication: who a key belongs to, and for how long a process goes by what it knows."""

import pytest

from fakes.clock import FakeClock
from fakes.directory import FakeDirectory, key_text
from payment_dr.core.errors import UnavailableError
from payment_dr.core.mode import Mode
from payment_dr.functions import authentication
from payment_dr.functions.authentication import Authenticator
from payment_dr.payments.merchants import expiring, revoked


class Door:
    def __init__(self, *, age_s: float = 1.0, stale_s: float = 0, mode: Mode = Mode.TEST) -> None:
        self.clock = FakeClock()
        self.directory = FakeDirectory()
        self.key = self.directory.admit("acme", key_text("a"))
        self.authenticator = Authenticator(
            self.directory.key, mode=mode, clock=self.clock, age_s=age_s, stale_s=stale_s
        )

    def merchant(self, text: str = key_text("a")) -> str | None:
        found = self.authenticator(f"Bearer {text}")
        return None if found is None else found.merchant


@pytest.fixture(name="door")
def door_fixture() -> Door:
    return Door()


def test_a_key_names_its_merchant_and_what_it_may_do(door: Door) -> None:
    found = door.authenticator(f"Bearer {key_text('a')}")
    assert found is not None
    assert (found.merchant, found.key_id, found.scopes) == ("acme", "a" * 16, door.key.scopes)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer ",
        key_text("a"),
        f"Basic {key_text('a')}",
        f"bearer {key_text('a')}",
        f"Bearer {key_text('a')} ",
        f"Bearer {key_text('b')}",
        f"Bearer {key_text('a')[:-1]}B",
        f"Bearer {key_text('a').replace('test', 'live')}",
        "Bearer \udcff",
    ],
)
def test_anything_else_names_nobody(door: Door, header: str) -> None:
    assert door.authenticator(header) is None


def test_a_test_key_is_nobodys_where_money_is_real() -> None:
    assert Door(mode=Mode.LIVE).merchant() is None


def test_a_revoked_key_works_no_longer_than_what_is_known_of_it_is_kept(door: Door) -> None:
    assert door.merchant() == "acme"
    door.directory.replace_key(revoked(door.key, door.clock.now()))
    door.clock.advance(0.99)
    assert door.merchant() == "acme"
    door.clock.advance(0.01)
    assert door.merchant() is None


def test_an_expired_key_ends_at_once_whatever_is_kept(door: Door) -> None:
    door.directory.replace_key(expiring(door.key, door.clock.now() + 0.5))
    assert door.merchant() == "acme"
    door.clock.advance(0.5)
    assert door.merchant() is None


def test_a_key_is_read_once_for_as_long_as_it_is_kept(door: Door) -> None:
    for _ in range(10):
        door.merchant()
        door.clock.advance(0.09)
    assert door.directory.reads == 1
    for _ in range(3):
        door.merchant(key_text("b"))
    assert door.directory.reads == 2


def test_without_an_age_every_request_reads() -> None:
    door = Door(age_s=0)
    assert [door.merchant() for _ in range(3)] == ["acme"] * 3
    assert door.directory.reads == 3


def gone(_effect: str, _act: object) -> None:
    raise UnavailableError("the table did not answer")


def test_a_directory_that_does_not_answer_is_no_refusal(door: Door) -> None:
    door.merchant()
    door.directory.gate = gone  # type: ignore[assignment]  # raises whatever it is asked
    assert door.merchant() == "acme"
    door.clock.advance(1)
    with pytest.raises(UnavailableError):
        door.merchant()


def test_where_it_is_allowed_a_known_key_outlives_an_outage() -> None:
    door = Door(stale_s=60)
    door.merchant()
    door.directory.gate = gone  # type: ignore[assignment]  # raises whatever it is asked
    door.clock.advance(59)
    assert door.merchant() == "acme"
    door.clock.advance(1)
    with pytest.raises(UnavailableError):
        door.merchant()


def test_the_keys_that_are_remembered_have_a_bound(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "KEPT_MAX", 2)
    for letter in "abac":
        door.merchant(key_text(letter))
    door.merchant(key_text("a"))
    assert door.directory.reads == 3
    door.merchant(key_text("b"))
    assert door.directory.reads == 4
