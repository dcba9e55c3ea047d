"""A merchant's books over HTTP: lists of payments, entries and events, and balances."""

from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus

from pydantic import BaseModel

from payment_dr.core.identifiers import is_uuid
from payment_dr.functions.answers import (
    BalanceAnswer,
    BalanceList,
    EntryAnswer,
    EntryPage,
    EventAnswer,
    EventPage,
    ListedPaymentAnswer,
    PaymentPage,
    PostingAnswer,
)
from payment_dr.functions.asked import Asked
from payment_dr.functions.composition import Composition
from payment_dr.functions.error_catalogue import Code
from payment_dr.functions.http import HttpResponse, problem
from payment_dr.functions.listing import bad_cursor, place_cursor, row_cursor
from payment_dr.payments.books import (
    AccountBalance,
    ListedEntry,
    ListedEvent,
    ListedPayment,
    UnknownPlaceError,
)
from payment_dr.payments.journal import Account


def payments(parts: Composition, asked: Asked) -> HttpResponse:
    """A page of the merchant's payments."""
    page = asked.page
    found = parts.merchants.books().payments(asked.merchant, after=page.place, limit=page.limit)
    return _ok(
        PaymentPage(
            data=[_payment(row) for row in found.rows],
            has_more=found.more,
            next_cursor=place_cursor(found.rows[-1].place) if found.more else None,
            as_of=found.as_of,
        )
    )


def balances(parts: Composition, asked: Asked) -> HttpResponse:
    """The merchant's balances."""
    found = parts.merchants.books().balances(asked.merchant)
    return _ok(BalanceList(data=list(_balances(found.rows)), as_of=found.as_of))


def entries(parts: Composition, asked: Asked) -> HttpResponse:
    """A page of the merchant's journal entries."""
    page = asked.page
    try:
        found = parts.merchants.books().entries(asked.merchant, after=page.row_id, limit=page.limit)
    except UnknownPlaceError:
        raise bad_cursor() from None
    return _ok(
        EntryPage(
            data=[_entry(row) for row in found.rows],
            has_more=found.more,
            next_cursor=row_cursor(found.rows[-1].entry_id) if found.more else None,
            as_of=found.as_of,
        )
    )


def events(parts: Composition, asked: Asked) -> HttpResponse:
    """A page of the merchant's events."""
    page = asked.page
    try:
        found = parts.merchants.books().events(asked.merchant, after=page.row_id, limit=page.limit)
    except UnknownPlaceError:
        raise bad_cursor() from None
    return _ok(
        EventPage(
            data=[_event(row) for row in found.rows],
            has_more=found.more,
            next_cursor=row_cursor(found.rows[-1].event_id) if found.more else None,
            as_of=found.as_of,
        )
    )


def event(parts: Composition, asked: Asked) -> HttpResponse:
    """One event of the merchant."""
    event_id = asked.named["event_id"]
    found = parts.merchants.books().event(asked.merchant, event_id) if is_uuid(event_id) else None
    if found is None:
        return problem(Code.EVENT_NOT_FOUND, "there is no such event in this site's ledger")
    return _ok(_event(found))


def _ok(body: BaseModel) -> HttpResponse:
    return HttpResponse(status=HTTPStatus.OK, body=body.model_dump_json())


def _payment(row: ListedPayment) -> ListedPaymentAnswer:
    return ListedPaymentAnswer.model_validate(
        {
            "payment_id": row.payment_id,
            "status": row.status,
            "amount": row.amount,
            "currency": row.currency,
            "captured": row.captured,
            "refunded": row.refunded,
            "fees": row.fees,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
    )


def _entry(row: ListedEntry) -> EntryAnswer:
    return EntryAnswer.model_validate(
        {
            "entry_id": row.entry_id,
            "payment_id": row.payment_id,
            "kind": row.kind,
            "currency": row.currency,
            "occurred_at": row.occurred_at,
            "posted_at": row.posted_at,
            "request_id": row.request_id,
            "postings": [
                PostingAnswer(account=Account(account), amount=minor_units)
                for account, minor_units in row.postings
            ],
        }
    )


def _event(row: ListedEvent) -> EventAnswer:
    # Events from before there were request ids have none in their bodies.
    return EventAnswer.model_validate({"request_id": None, **row.body})


def _balances(rows: Iterable[AccountBalance]) -> Iterable[BalanceAnswer]:
    accounts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        accounts[row.currency][row.account] = row.minor_units
    for currency, totals in sorted(accounts.items()):
        every = {account.value: totals.get(account, 0) for account in Account}
        owed = -(every[Account.MERCHANT_PAYABLE] + every[Account.REFUNDS])
        yield BalanceAnswer(currency=currency, balance=owed, **every)
