"""The canary: one real payment through the site's own address that leaves no money moved.

It is authorised for a small amount and voided at once, never captured. So nothing is charged or
paid out, and no journal entry arises; the ledger is verified by its stamp beside it. What it does
prove is all that a client needs: address, API key, payments table, provider, and a decision stored
under the move's own idempotency keys, so that a canary sent again changes nothing.
"""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from payment_dr.adapters.http_call import call
from payment_dr.core.errors import UnavailableError
from payment_dr.payments.ports import PaymentsTable
from payment_dr.payments.record import PaymentState, payment_id

MERCHANT: Final = "canary"
"""The merchant whose API key the canary's secret holds."""

AMOUNT_MINOR: Final = 100
CURRENCY: Final = "EUR"
CALL_S: Final = 5.0

_OK: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})


class HttpCanary:
    """`recovery.ports.Canary`.

    Args:
        own_url: the site's own API.
        api_key: of the canary's merchant; asked each time.
        table: where the outcome is read back.
    """

    def __init__(self, *, own_url: str, api_key: Callable[[], str], table: PaymentsTable) -> None:
        self._own_url = own_url
        self._api_key = api_key
        self._table = table

    def send(self, move_id: str) -> None:
        """Authorise and void; raises UnavailableError unless both were acknowledged."""
        key = _key(move_id)
        body = {"amount": AMOUNT_MINOR, "currency": CURRENCY, "capture": False}
        payment = self._post("/v1/payments", key, body)
        self._post(f"/v1/payments/{payment['payment_id']}/void", f"{key}-void", {})

    def passed(self, move_id: str) -> bool:
        """Whether the record stands as voided."""
        record = self._table.get(payment_id(MERCHANT, _key(move_id)))
        return record is not None and record.state is PaymentState.VOIDED

    def _post(self, path: str, key: str, body: Mapping[str, object]) -> Any:
        answer = call(
            "POST",
            f"{self._own_url}{path}",
            timeout_s=CALL_S,
            headers={
                "authorization": f"Bearer {self._api_key()}",
                "content-type": "application/json",
                "idempotency-key": key,
            },
            body=json.dumps(body).encode(),
        )
        if answer.status not in _OK:
            text = answer.body[:500].decode("utf-8", "replace")
            raise UnavailableError(f"the canary's {path} was answered {answer.status}: {text}")
        return json.loads(answer.body)


def _key(move_id: str) -> str:
    return f"canary-{move_id}"
