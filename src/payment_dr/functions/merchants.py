"""What serves merchants beside their payments: who they are, their books, their webhooks."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

from payment_dr.adapters.ledger_queries import LedgerQueries
from payment_dr.adapters.merchant_directory import MerchantDirectory
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.core.clock import Clock
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import PaymentSettings
from payment_dr.functions.authentication import Authenticator
from payment_dr.payments.books import Books
from payment_dr.payments.endpoints import Endpoints
from payment_dr.payments.merchants import Identity

_BOOKS_S: Final = 2.0
"""Longest time of one read of the books; a page of a million payments takes milliseconds."""

_CONNECTIONS: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class MerchantParts:
    """One process's parts.

    Attributes:
        identify: who an `Authorization` header belongs to; None for nobody.
        endpoints: the merchants' webhook endpoints.
        books: reads of this site's ledger; connected when first asked for.
        webhook_master: what the secrets of endpoints are derived from.
        close: ends connections.
    """

    identify: Callable[[str], Identity | None]
    endpoints: Endpoints
    books: Callable[[], Books]
    webhook_master: Callable[[], bytes]
    close: Callable[[], None] = lambda: None


def merchant_parts(
    limits: PaymentSettings,
    directory: MerchantDirectory,
    *,
    clock: Clock,
    login: Callable[[], LedgerLogin],
    webhooks: Callable[[], Mapping[str, str]],
) -> MerchantParts:
    """Build the parts.

    Args:
        limits: mode, and how old what is known of a key may be.
        directory: of merchants and keys.
        clock: of the process.
        login: to this site's ledger.
        webhooks: the secret of that name.
    """
    books = _LazyBooks(login)

    def webhook_master() -> bytes:
        try:
            return bytes.fromhex(webhooks()["master"])
        except (KeyError, ValueError):
            raise PaymentDrError(
                "the secret webhooks holds no master key", remedy='store it as {"master": "<hex>"}'
            ) from None

    return MerchantParts(
        identify=Authenticator(
            directory.key, mode=limits.mode, clock=clock, age_s=limits.key_age_s
        ),
        endpoints=Endpoints(directory=directory, clock=clock, random=secrets.token_bytes),
        books=books,
        webhook_master=webhook_master,
        close=books.close,
    )


class _LazyBooks:
    """Most processes never read the books, and each connection costs the ledger."""

    def __init__(self, login: Callable[[], LedgerLogin]) -> None:
        self._login = login
        self._lock = Lock()
        self._made: LedgerQueries | None = None

    def __call__(self) -> LedgerQueries:
        with self._lock:
            if self._made is None:
                self._made = LedgerQueries(
                    self._login, timeout_s=_BOOKS_S, connections=_CONNECTIONS
                )
            return self._made

    def close(self) -> None:
        with self._lock:
            if self._made is not None:
                self._made.close()
                self._made = None
