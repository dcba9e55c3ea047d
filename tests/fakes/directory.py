"""The directory of merchants in memory: conditional writes on versions, one truth for all."""

from dataclasses import replace

from fakes.faults import Gate, open_gate
from payment_dr.core.mode import Mode
from payment_dr.payments.merchants import ALL_SCOPES, ApiKey, Merchant, Scope, adopted_key


class FakeDirectory:
    """Satisfies `Directory`; every effect passes the gate, which a test may exchange."""

    def __init__(self, gate: Gate = open_gate) -> None:
        self.keys: dict[str, ApiKey] = {}
        self.known: dict[str, Merchant] = {}
        self.gate = gate
        self.reads = 0

    def key(self, key_id: str) -> ApiKey | None:
        self.reads += 1
        return self.gate("get", lambda: self.keys.get(key_id))

    def merchant(self, name: str) -> Merchant | None:
        return self.gate("get", lambda: self.known.get(name))

    def merchants(self) -> tuple[str, ...]:
        return self.gate("get", lambda: tuple(sorted(self.known)))

    def add_merchant(self, merchant: Merchant) -> bool:
        def act() -> bool:
            return self.known.setdefault(merchant.merchant, merchant) is merchant

        return self.gate("put", act)

    def add_key(self, key: ApiKey) -> bool:
        return self.gate("put", lambda: self.keys.setdefault(key.key_id, key) is key)

    def replace_merchant(self, merchant: Merchant) -> bool:
        def act() -> bool:
            if self.known[merchant.merchant].version != merchant.version - 1:
                return False
            self.known[merchant.merchant] = merchant
            return True

        return self.gate("replace", act)

    def replace_key(self, key: ApiKey) -> bool:
        def act() -> bool:
            if self.keys[key.key_id].version != key.version - 1:
                return False
            self.keys[key.key_id] = key
            return True

        return self.gate("replace", act)

    def admit(self, merchant: str, text: str, scopes: frozenset[Scope] = ALL_SCOPES) -> ApiKey:
        """Have the merchant and the key of that text."""
        key = adopted_key(merchant, text, scopes, now=0.0)
        assert key is not None
        assert key.mode is Mode.TEST
        known = self.known.setdefault(merchant, Merchant(merchant=merchant, created_at=0.0))
        self.known[merchant] = replace(known, keys=(*known.keys, key.key_id))
        self.keys[key.key_id] = key
        return key


def key_text(letter: str) -> str:
    """A key to know a merchant by in tests: `sk_test_aaaa..._AAAA...`."""
    return f"sk_test_{letter * 16}_{letter.upper() * 43}"
