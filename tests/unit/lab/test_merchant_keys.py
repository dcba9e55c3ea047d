"""A lab's merchants: each has a key that works, however often the lab is deployed into."""

from fakes.directory import FakeDirectory
from payment_dr.core.mode import Mode
from payment_dr.lab.merchant_keys import add_merchants, adopted_keys, made_keys
from payment_dr.payments.merchants import ALL_SCOPES, identify, key_id_of

NAMES = ("merchant-0", "merchant-1")


def merchant_of(directory: FakeDirectory, text: str) -> str | None:
    key = directory.keys.get(key_id_of(text) or "")
    found = identify(text, key, mode=Mode.TEST, now=2.0)
    return None if found is None else found.merchant


def test_every_merchant_of_a_lab_gets_a_key_for_everything() -> None:
    directory = FakeDirectory()
    made = made_keys(NAMES, Mode.TEST, 1.0)
    add_merchants(directory, made)
    for name in NAMES:
        assert merchant_of(directory, made[name].text) == name
        assert made[name].key.scopes == ALL_SCOPES
        assert directory.known[name].keys == (made[name].key.key_id,)


def test_keys_that_are_known_stay_and_what_is_missing_is_made() -> None:
    directory = FakeDirectory()
    first = adopted_keys(directory, NAMES[:1], Mode.TEST, {})
    second = adopted_keys(directory, NAMES, Mode.TEST, first)
    assert second["merchant-0"] == first["merchant-0"]
    assert adopted_keys(directory, NAMES, Mode.TEST, second) == second
    assert {merchant_of(directory, text) for text in second.values()} == set(NAMES)
    emptied = FakeDirectory()
    assert adopted_keys(emptied, NAMES, Mode.TEST, second) == second
    assert merchant_of(emptied, second["merchant-1"]) == "merchant-1"
