"""An API key names its merchant; nothing else does."""

import hashlib

import pytest

from payment_dr.functions.merchants import merchant_of

DIGESTS = {name: hashlib.sha256(f"key of {name}".encode()).hexdigest() for name in ("shop", "café")}


@pytest.mark.parametrize("name", ["shop", "café"])
def test_a_key_names_its_merchant(name: str) -> None:
    assert merchant_of(f"Bearer key of {name}", DIGESTS) == name


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer ",
        "Bearer key of nobody",
        "key of shop",
        "Basic key of shop",
        "bearer key of shop",
        f"Bearer {DIGESTS['shop']}",
        "Bearer key of shop ",
        "Bearer \udcff",
    ],
)
def test_anything_else_names_nobody(header: str) -> None:
    assert merchant_of(header, DIGESTS) is None


def test_without_merchants_nobody_is_let_in() -> None:
    assert merchant_of("Bearer key of shop", {}) is None
