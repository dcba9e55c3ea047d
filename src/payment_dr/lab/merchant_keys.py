"""A lab's merchants with a key each: stored as on AWS, and known to the lab in full."""

import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from payment_dr.adapters.clock import SystemClock
from payment_dr.core.mode import Mode
from payment_dr.payments.merchant_admin import MadeKey, MerchantAdmin
from payment_dr.payments.merchants import (
    ALL_SCOPES,
    ID_BYTES,
    SECRET_BYTES,
    Directory,
    Merchant,
    new_key,
)

_THREADS: Final = 4


def made_keys(merchants: Iterable[str], mode: Mode, now: float) -> dict[str, MadeKey]:
    """A new key for each merchant, which may do everything; `now` in Unix seconds."""
    made: dict[str, MadeKey] = {}
    for name in merchants:
        chance = secrets.token_bytes(ID_BYTES + SECRET_BYTES)
        key, text = new_key(name, mode, ALL_SCOPES, random=chance, now=now)
        made[name] = MadeKey(key=key, text=text)
    return made


def add_merchants(directory: Directory, made: Mapping[str, MadeKey]) -> None:
    """Write the merchants and their keys into a directory that has none of them."""

    def add(item: tuple[str, MadeKey]) -> None:
        name, key = item[0], item[1].key
        directory.add_merchant(
            Merchant(merchant=name, created_at=key.created_at, keys=(key.key_id,))
        )
        directory.add_key(key)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(add, made.items()))


def adopted_keys(
    directory: Directory, merchants: Iterable[str], mode: Mode, known: Mapping[str, str]
) -> dict[str, str]:
    """The key of each merchant, which the directory has afterwards; `known` ones stay."""
    admin = MerchantAdmin(directory=directory, clock=SystemClock(), random=secrets.token_bytes)
    made = made_keys(merchants, mode, admin.clock.now())
    keys = {name: known.get(name, key.text) for name, key in made.items()}
    for name, text in keys.items():
        admin.adopt_key(name, mode, text, ALL_SCOPES)
    return keys
