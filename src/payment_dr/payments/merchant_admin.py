"""What an operator does with merchants and keys; never reached by an API key.

Guarantees: a key is never of use before it is listed with its merchant, so disabling a merchant
ends every key that it has or is being given; each act may be repeated after it was interrupted.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from payment_dr.core.clock import Clock
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.mode import Mode
from payment_dr.payments.merchants import (
    ID_BYTES,
    SECRET_BYTES,
    ApiKey,
    Directory,
    Merchant,
    Scope,
    adopted_key,
    expiring,
    new_key,
    revoked,
    with_key,
    without_key,
)

OVERLAP_S_MAX: Final = 30 * 24 * 3600.0
"""How long a key may outlive its successor."""

_ATTEMPTS: Final = 5
"""Conditional writes per act: between them another operator may write as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeKey:
    """A new key; `text` is what its user sends, and is kept nowhere."""

    key: ApiKey
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MerchantAdmin:
    """Administers a directory.

    `random` gives so many bytes that nobody can guess.
    """

    directory: Directory
    clock: Clock
    random: Callable[[int], bytes]

    def create_merchant(self, name: str) -> Merchant:
        """A new merchant without keys.

        Raises:
            PaymentDrError: there is one of that name, or the name cannot be used.
        """
        merchant = Merchant(merchant=name, created_at=self.clock.now())
        if not self.directory.add_merchant(merchant):
            raise PaymentDrError(
                f"there is a merchant {name!r} already", remedy="payment-dr merchants list"
            )
        return merchant

    def merchants(self) -> tuple[Merchant, ...]:
        """All merchants by name."""
        found = (self.directory.merchant(name) for name in self.directory.merchants())
        return tuple(merchant for merchant in found if merchant is not None)

    def disable_merchant(self, name: str) -> Merchant:
        """Revoke every key of the merchant, for good, and let it have no more.

        Raises:
            PaymentDrError: there is no such merchant.
        """

        def disabled(merchant: Merchant) -> Merchant:
            at = merchant.disabled_at or self.clock.now()
            return replace(merchant, disabled_at=at, version=merchant.version + 1)

        merchant = self._change(name, disabled)
        for key_id in merchant.keys:
            self._revoke(key_id, merchant)
        return merchant

    def create_key(self, name: str, mode: Mode, scopes: frozenset[Scope]) -> MadeKey:
        """A new key of the merchant.

        Raises:
            PaymentDrError: there is no such merchant, it is disabled, or has too many keys.
        """
        chance = self.random(ID_BYTES + SECRET_BYTES)
        key, text = new_key(name, mode, scopes, random=chance, now=self.clock.now())

        self._change(name, lambda merchant: _listing(merchant, key.key_id))
        if not self.directory.add_key(key):
            raise PaymentDrError(f"{name} has been disabled meanwhile: the key was not made")
        return MadeKey(key=key, text=text)

    def adopt_key(self, name: str, mode: Mode, text: str, scopes: frozenset[Scope]) -> bool:
        """See that the merchant is there and has the key of that text; False if it was so already.

        Raises:
            PaymentDrError: the text is no key of that mode, it is another merchant's, or was
                revoked.
        """
        key = adopted_key(name, text, scopes, now=self.clock.now())
        if key is None or key.mode is not mode:
            raise PaymentDrError(
                f"the key of {name} does not look like one of mode {mode}",
                remedy=f"sk_{mode}_, 16 of a-z and 2-7, _, and 43 of a-z, A-Z, 0-9, _ and -",
            )
        known = self.directory.key(key.key_id)
        if known is None:
            self.directory.add_merchant(Merchant(merchant=name, created_at=self.clock.now()))
            self._change(name, lambda merchant: _listing(merchant, key.key_id))
            self.directory.add_key(key)
            known = self._key(key.key_id)
        if (known.merchant, known.digest, known.revoked_at) != (name, key.digest, None):
            raise PaymentDrError(f"the key of {name} is revoked, or its id is taken by another one")
        return known == key

    def keys(self, name: str) -> tuple[ApiKey, ...]:
        """The merchant's keys, oldest first, without those that were revoked.

        Raises:
            PaymentDrError: there is no such merchant.
        """
        found = (self.directory.key(key_id) for key_id in self._merchant(name).keys)
        return tuple(key for key in found if key is not None)

    def rotate_key(self, key_id: str, overlap_s: float) -> MadeKey:
        """A successor that may do the same; the old key works for `overlap_s` more seconds.

        Raises:
            PaymentDrError: there is no such key, it works no longer, or the overlap is too long.
        """
        if not 0 <= overlap_s <= OVERLAP_S_MAX:
            raise PaymentDrError(f"an overlap is 0 to {OVERLAP_S_MAX:.0f} seconds")
        old = self._key(key_id)
        if not old.works(self.clock.now()):
            raise PaymentDrError(
                f"key {key_id} is revoked or expired", remedy="payment-dr keys create"
            )
        made = self.create_key(old.merchant, old.mode, old.scopes)
        self._replace_key(key_id, lambda key: expiring(key, self.clock.now() + overlap_s))
        return made

    def revoke_key(self, key_id: str) -> ApiKey:
        """The key is of no use from now on, at both sites.

        Raises:
            PaymentDrError: there is no such key.
        """
        key = self._key(key_id)
        revoked_key = self._revoke(key_id, self._merchant(key.merchant))
        self._change(key.merchant, lambda merchant: without_key(merchant, key_id))
        return revoked_key

    def _revoke(self, key_id: str, merchant: Merchant) -> ApiKey:
        """Revoke a key, also one that is listed and not yet written: its id is taken by then."""
        now = self.clock.now()
        void = ApiKey(
            key_id=key_id,
            merchant=merchant.merchant,
            mode=Mode.TEST,
            digest="",
            scopes=frozenset(),
            created_at=now,
            revoked_at=now,
        )
        if self.directory.key(key_id) is None and self.directory.add_key(void):
            return void
        return self._replace_key(
            key_id, lambda key: key if key.revoked_at is not None else revoked(key, now)
        )

    def _replace_key(self, key_id: str, change: Callable[[ApiKey], ApiKey]) -> ApiKey:
        for _ in range(_ATTEMPTS):
            key = self._key(key_id)
            changed = change(key)
            if changed is key or self.directory.replace_key(changed):
                return changed
        raise UnavailableError(f"key {key_id} kept changing", remedy="run it again")

    def _change(self, name: str, change: Callable[[Merchant], Merchant]) -> Merchant:
        for _ in range(_ATTEMPTS):
            merchant = self._merchant(name)
            changed = change(merchant)
            if changed is merchant or self.directory.replace_merchant(changed):
                return changed
        raise UnavailableError(f"merchant {name} kept changing", remedy="run it again")

    def _merchant(self, name: str) -> Merchant:
        merchant = self.directory.merchant(name)
        if merchant is None:
            raise PaymentDrError(
                f"there is no merchant {name!r}", remedy=f"payment-dr merchants create {name}"
            )
        return merchant

    def _key(self, key_id: str) -> ApiKey:
        key = self.directory.key(key_id)
        if key is None:
            raise PaymentDrError(
                f"there is no key {key_id!r}",
                remedy="payment-dr keys list MERCHANT shows the ids: the part after sk_test_",
            )
        return key


def _listing(merchant: Merchant, key_id: str) -> Merchant:
    """The merchant with that key among its own."""
    if merchant.disabled_at is not None:
        raise PaymentDrError(f"{merchant.merchant} is disabled: it has no more keys")
    return merchant if key_id in merchant.keys else with_key(merchant, key_id)
