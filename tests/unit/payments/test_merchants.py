"""API keys: shown once, kept as digests, of use only while they are meant to be."""

import random
from dataclasses import replace

import pytest

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.mode import Mode
from payment_dr.payments.merchants import (
    ALL_SCOPES,
    ID_BYTES,
    KEYS_MAX,
    SECRET_BYTES,
    ApiKey,
    Merchant,
    Scope,
    adopted_key,
    expiring,
    identify,
    key_id_of,
    new_key,
    revoked,
    with_key,
    without_key,
)

NOW = 1_000.0


def made(seed: int = 1, scopes: frozenset[Scope] = ALL_SCOPES) -> tuple[ApiKey, str]:
    chance = random.Random(seed).randbytes(ID_BYTES + SECRET_BYTES)
    return new_key("acme", Mode.TEST, scopes, random=chance, now=NOW)


def test_a_key_identifies_its_merchant_and_what_it_may_do() -> None:
    key, text = made(scopes=frozenset({Scope.PAYMENTS_READ}))
    assert text.startswith(f"sk_test_{key.key_id}_")
    assert key_id_of(text) == key.key_id
    found = identify(text, key, mode=Mode.TEST, now=NOW)
    assert found is not None
    assert (found.merchant, found.scopes) == ("acme", frozenset({Scope.PAYMENTS_READ}))


def test_a_key_that_was_made_elsewhere_is_adopted_as_it_is() -> None:
    key, text = made()
    assert adopted_key("acme", text, ALL_SCOPES, now=NOW) == key
    assert adopted_key("acme", f"{text} ", ALL_SCOPES, now=NOW) is None


def test_what_is_stored_does_not_hold_the_key() -> None:
    key, text = made()
    assert text not in repr(key)
    assert text.rpartition("_")[2] not in repr(key)


def test_no_two_keys_are_alike() -> None:
    assert len({made(seed)[1] for seed in range(100)}) == 100


@pytest.mark.parametrize(
    "presented",
    [
        "",
        "sk_test_",
        "sk_prod_abcdefghijklmnop_" + "x" * 43,
        "sk_test_ABCDEFGHIJKLMNOP_" + "x" * 43,
    ],
)
def test_what_does_not_look_like_a_key_has_no_id(presented: str) -> None:
    assert key_id_of(presented) is None


def test_another_secret_under_the_same_id_is_nobody() -> None:
    key, text = made()
    forged = text[:-1] + ("A" if text[-1] != "A" else "B")
    assert key_id_of(forged) == key.key_id
    assert identify(forged, key, mode=Mode.TEST, now=NOW) is None


def test_an_unknown_key_is_nobody() -> None:
    assert identify(made()[1], None, mode=Mode.TEST, now=NOW) is None


def test_what_cannot_be_text_is_nobody() -> None:
    assert identify("sk_test_\udcff", made()[0], mode=Mode.TEST, now=NOW) is None


def test_a_test_key_does_not_work_where_money_is_real() -> None:
    key, text = made()
    assert identify(text, key, mode=Mode.LIVE, now=NOW) is None


def test_a_revoked_key_works_no_longer() -> None:
    key, text = made()
    gone = revoked(key, NOW)
    assert identify(text, gone, mode=Mode.TEST, now=NOW) is None
    assert gone.version == key.version + 1


def test_a_rotated_key_works_until_its_overlap_ends() -> None:
    key, text = made()
    old = expiring(key, NOW + 60)
    assert identify(text, old, mode=Mode.TEST, now=NOW + 59) is not None
    assert identify(text, old, mode=Mode.TEST, now=NOW + 60) is None


def test_an_earlier_end_stays() -> None:
    assert expiring(expiring(made()[0], NOW + 10), NOW + 60).expires_at == NOW + 10


def test_a_merchant_has_no_more_keys_than_it_may() -> None:
    merchant = Merchant(merchant="acme", created_at=NOW)
    for number in range(KEYS_MAX):
        merchant = with_key(merchant, f"key-{number}")
    with pytest.raises(PaymentDrError, match="20 keys already"):
        with_key(merchant, "one-more")
    assert "key-3" not in without_key(merchant, "key-3").keys
    assert with_key(without_key(merchant, "key-3"), "one-more").version == KEYS_MAX + 3


@pytest.mark.parametrize("name", ["", "Acme", "-acme", "a b", "a" * 64, "merchant#1"])
def test_a_merchants_name_is_plain(name: str) -> None:
    with pytest.raises(PaymentDrError, match="1 to 63 of a-z"):
        Merchant(merchant=name, created_at=NOW)
    assert replace(Merchant(merchant="acme", created_at=NOW), disabled_at=NOW).disabled_at == NOW
