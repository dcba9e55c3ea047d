"""What an operator does with merchants and keys, interrupted anywhere and run again."""

import random
from dataclasses import replace

import pytest

from fakes.clock import FakeClock
from fakes.directory import FakeDirectory, key_text
from fakes.faults import Fault, Script
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.mode import Mode
from payment_dr.payments.merchant_admin import OVERLAP_S_MAX, MerchantAdmin
from payment_dr.payments.merchants import (
    ALL_SCOPES,
    KEYS_MAX,
    ApiKey,
    Merchant,
    Scope,
    identify,
    key_id_of,
    revoked,
    with_key,
)

READ_ONLY = frozenset({Scope.PAYMENTS_READ})


class Desk:
    """An operator's desk, and whether a key works."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.directory = FakeDirectory()
        self.admin = MerchantAdmin(
            directory=self.directory,
            clock=self.clock,
            random=random.Random(1).randbytes,
        )

    def works(self, text: str) -> bool:
        key = self.directory.keys.get(key_id_of(text) or "")
        return identify(text, key, mode=Mode.TEST, now=self.clock.now()) is not None


@pytest.fixture(name="desk")
def desk_fixture() -> Desk:
    desk = Desk()
    desk.admin.create_merchant("acme")
    return desk


def test_a_merchant_is_created_once(desk: Desk) -> None:
    assert [m.merchant for m in desk.admin.merchants()] == ["acme"]
    with pytest.raises(PaymentDrError, match="'acme' already"):
        desk.admin.create_merchant("acme")


def test_a_new_key_works_and_is_listed(desk: Desk) -> None:
    made = desk.admin.create_key("acme", Mode.TEST, READ_ONLY)
    assert desk.works(made.text)
    assert desk.admin.keys("acme") == (made.key,)
    assert made.key.scopes == READ_ONLY


@pytest.mark.parametrize("name", ["nobody", "Not A Name"])
def test_there_are_no_keys_of_a_merchant_that_there_is_not(desk: Desk, name: str) -> None:
    with pytest.raises(PaymentDrError, match="no merchant"):
        desk.admin.create_key(name, Mode.TEST, ALL_SCOPES)
    with pytest.raises(PaymentDrError, match="no merchant"):
        desk.admin.keys(name)


def test_a_rotated_key_works_beside_its_successor_until_the_overlap_ends(desk: Desk) -> None:
    old = desk.admin.create_key("acme", Mode.TEST, READ_ONLY)
    new = desk.admin.rotate_key(old.key.key_id, 60)
    assert new.key.scopes == READ_ONLY
    assert desk.works(old.text)
    desk.clock.advance(60)
    assert not desk.works(old.text)
    assert desk.works(new.text)
    with pytest.raises(PaymentDrError, match="revoked or expired"):
        desk.admin.rotate_key(old.key.key_id, 60)


@pytest.mark.parametrize("overlap_s", [-1, OVERLAP_S_MAX + 1, float("nan")])
def test_an_overlap_has_bounds(desk: Desk, overlap_s: float) -> None:
    key = desk.admin.create_key("acme", Mode.TEST, ALL_SCOPES).key
    with pytest.raises(PaymentDrError, match="an overlap is"):
        desk.admin.rotate_key(key.key_id, overlap_s)
    assert len(desk.directory.keys) == 1


def test_a_revoked_key_works_no_longer_and_gives_its_place_free(desk: Desk) -> None:
    made = [desk.admin.create_key("acme", Mode.TEST, ALL_SCOPES) for _ in range(KEYS_MAX)]
    with pytest.raises(PaymentDrError, match="20 keys already"):
        desk.admin.create_key("acme", Mode.TEST, ALL_SCOPES)
    assert desk.admin.revoke_key(made[3].key.key_id).revoked_at is not None
    assert not desk.works(made[3].text)
    assert desk.works(desk.admin.create_key("acme", Mode.TEST, ALL_SCOPES).text)


def test_revoking_twice_changes_nothing(desk: Desk) -> None:
    key = desk.admin.create_key("acme", Mode.TEST, ALL_SCOPES).key
    first = desk.admin.revoke_key(key.key_id)
    desk.clock.advance(5)
    assert desk.admin.revoke_key(key.key_id) == first
    with pytest.raises(PaymentDrError, match="no key 'unknown'"):
        desk.admin.revoke_key("unknown")


def test_a_disabled_merchant_has_no_key_that_works_and_gets_no_other(desk: Desk) -> None:
    made = [desk.admin.create_key("acme", Mode.TEST, ALL_SCOPES) for _ in range(3)]
    disabled = desk.admin.disable_merchant("acme")
    assert disabled.disabled_at == desk.clock.now()
    assert not any(desk.works(key.text) for key in made)
    with pytest.raises(PaymentDrError, match="disabled"):
        desk.admin.create_key("acme", Mode.TEST, ALL_SCOPES)
    desk.clock.advance(5)
    assert desk.admin.disable_merchant("acme").disabled_at == disabled.disabled_at


def test_a_key_being_made_while_its_merchant_is_disabled_is_never_of_use(desk: Desk) -> None:
    class DisabledMeanwhile(FakeDirectory):
        """Between the listing of a key and its writing the merchant is disabled."""

        def add_key(self, key: ApiKey) -> bool:
            if key.revoked_at is None:
                desk.admin.disable_merchant("acme")
            return super().add_key(key)

    slow = DisabledMeanwhile()
    slow.known, slow.keys = desk.directory.known, desk.directory.keys
    admin = replace(desk.admin, directory=slow)
    with pytest.raises(PaymentDrError, match="disabled meanwhile"):
        admin.create_key("acme", Mode.TEST, ALL_SCOPES)
    assert [key.works(desk.clock.now()) for key in desk.directory.keys.values()] == [False]


def test_an_interrupted_disabling_is_finished_by_another(desk: Desk) -> None:
    made = [desk.admin.create_key("acme", Mode.TEST, ALL_SCOPES) for _ in range(3)]
    script = Script()
    desk.directory.gate = script
    script.plan("replace", Fault.NONE, Fault.REFUSED)
    with pytest.raises(UnavailableError):
        desk.admin.disable_merchant("acme")
    desk.admin.disable_merchant("acme")
    assert not any(desk.works(key.text) for key in made)


def test_who_writes_at_the_same_time_is_let_pass_and_not_overwritten(desk: Desk) -> None:
    class Rivalled(FakeDirectory):
        """Somebody else writes each item just before."""

        rivals = 2

        def replace_merchant(self, merchant: Merchant) -> bool:
            if self.rivals:
                self.rivals -= 1
                now = self.known[merchant.merchant]
                self.known[merchant.merchant] = with_key(now, f"rival-{self.rivals}")
            return super().replace_merchant(merchant)

        def replace_key(self, key: ApiKey) -> bool:
            now = self.keys[key.key_id]
            if now.version == 1:
                self.keys[key.key_id] = replace(now, expires_at=9e9, version=2)
            return super().replace_key(key)

    busy = Rivalled()
    busy.known, busy.keys = desk.directory.known, desk.directory.keys
    admin = replace(desk.admin, directory=busy)
    made = admin.create_key("acme", Mode.TEST, ALL_SCOPES)
    assert busy.known["acme"].keys == ("rival-1", "rival-0", made.key.key_id)
    assert admin.revoke_key(made.key.key_id).expires_at == 9e9


def test_what_keeps_changing_is_given_up(desk: Desk) -> None:
    class Restless(FakeDirectory):
        def replace_merchant(self, merchant: Merchant) -> bool:
            del merchant
            return False

        def replace_key(self, key: ApiKey) -> bool:
            del key
            return False

    key = desk.admin.create_key("acme", Mode.TEST, ALL_SCOPES).key
    restless = Restless()
    restless.known, restless.keys = desk.directory.known, desk.directory.keys
    admin = replace(desk.admin, directory=restless)
    with pytest.raises(UnavailableError, match="merchant acme kept changing"):
        admin.disable_merchant("acme")
    with pytest.raises(UnavailableError, match=f"key {key.key_id} kept changing"):
        admin.revoke_key(key.key_id)


def test_a_key_that_was_made_elsewhere_is_adopted_once(desk: Desk) -> None:
    text = key_text("c")
    assert desk.admin.adopt_key("canary", Mode.TEST, text, ALL_SCOPES)
    assert desk.works(text)
    desk.clock.advance(1)
    assert not desk.admin.adopt_key("canary", Mode.TEST, text, ALL_SCOPES)
    assert desk.admin.merchants()[1].keys == (key_id_of(text),)


def test_an_adoption_that_was_interrupted_is_finished_by_another(desk: Desk) -> None:
    script = Script()
    desk.directory.gate = script
    script.plan("put", Fault.NONE, Fault.REFUSED)
    with pytest.raises(UnavailableError):
        desk.admin.adopt_key("canary", Mode.TEST, key_text("c"), ALL_SCOPES)
    assert desk.admin.adopt_key("canary", Mode.TEST, key_text("c"), ALL_SCOPES)
    assert desk.works(key_text("c"))


def test_what_is_no_key_or_another_ones_is_not_adopted(desk: Desk) -> None:
    for mode, text in ((Mode.TEST, "password"), (Mode.LIVE, key_text("c"))):
        with pytest.raises(PaymentDrError, match=f"does not look like one of mode {mode}"):
            desk.admin.adopt_key("canary", mode, text, ALL_SCOPES)
    desk.admin.adopt_key("canary", Mode.TEST, key_text("c"), ALL_SCOPES)
    with pytest.raises(PaymentDrError, match="taken by another"):
        desk.admin.adopt_key("acme", Mode.TEST, key_text("c"), ALL_SCOPES)
    key = desk.directory.keys["c" * 16]
    desk.directory.keys["c" * 16] = revoked(key, 1.0)
    with pytest.raises(PaymentDrError, match="is revoked"):
        desk.admin.adopt_key("canary", Mode.TEST, key_text("c"), ALL_SCOPES)
