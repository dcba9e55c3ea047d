"""The API's reference pages, from the routes, models and errors that the API itself uses."""

import json
from collections.abc import Iterator

from pydantic import BaseModel

from payment_dr.functions import openapi_provider
from payment_dr.functions.error_catalogue import CATALOGUE, DECLINES, Entry
from payment_dr.functions.openapi import codes_of, openapi
from payment_dr.functions.routes import ROUTES, Route
from payment_dr.payments.currencies import CURRENCIES, Currency

_EXPONENTS = {0: "no decimals", 2: "two decimals", 3: "three decimals"}


def openapi_page() -> str:
    """The description as it is served, in a form that shows differences line by line."""
    return json.dumps(openapi(), indent=1) + "\n"


def errors_page(note: str) -> str:
    """Every error: what it is and what to do."""
    parts = [
        note,
        "# Errors\n",
        (
            "An error is a problem (RFC 9457) with a stable `code`; `type` is `/errors/<code>`, a "
            "section of this page. 400 is for what the schemas of the API do not allow, 422 for "
            "what they allow and what cannot be done. After any of them but 409, 500 and 504 the "
            "request took no effect; after these three, a retry under the same key tells.\n"
        ),
        "| code | status | what it is | retry under the same key |\n| --- | --- | --- | --- |",
        *(_row(entry) for entry in CATALOGUE.values()),
        "",
        *(_section(entry) for entry in CATALOGUE.values()),
        "## Not errors\n",
        (
            "**202, `indeterminate`**: the request was taken and its outcome is not known yet. "
            "Retry with the same key after `Retry-After` seconds; nothing is done twice. If nobody "
            "retries, the service finds out by itself, and `GET /v1/payments/{payment_id}` tells.\n"
        ),
        (
            "**402**: the operation was declined for good. The answer is the payment with "
            "`status` `declined` and the reason as `decline_code`: the provider's, or one of "
            "these.\n"
        ),
        "| decline code | when |\n| --- | --- |",
        *(f"| `{code}` | {meaning} |" for code, meaning in DECLINES.items()),
    ]
    return "\n".join(parts) + "\n"


def api_page(note: str) -> str:
    """Every route with what it takes and answers."""
    parts = [
        note,
        "# HTTP API\n",
        (
            "All paths take and give JSON. A key is sent as `Authorization: Bearer sk_...`; what "
            "it may do is its scopes. Whatever is not a GET takes an `Idempotency-Key` of 1 to 255 "
            "visible ASCII characters: a retry under the same key, at either site, gets the same "
            "answer with `Idempotent-Replayed: true` and does nothing twice. Every answer has "
            "`Payment-Site` and `X-Request-Id`. The same as OpenAPI 3.1 is in "
            "[openapi.json](openapi.json), and served at `/v1/openapi.json`; what can go wrong is "
            "in [errors](errors.md).\n"
        ),
        (
            "Bounds: a body of 64 KiB, nested at most 8 levels deep; 16 KiB of headers; 100 rows "
            "per page; 20 entries of metadata, with names of 1 to 40 of `a-z A-Z 0-9 _ -` and "
            "values of at most 200 characters; 32 operations on a payment; 10 webhook endpoints. "
            "Lists are newest first and read from the ledger of the site that answers, which may "
            "lag behind what was accepted: `as_of` says how far it was. Reading a payment by its "
            "id is always current.\n"
        ),
        "| | path | scope | |\n| --- | --- | --- | --- |",
        *(f"| {r.method} | `{r.path}` | `{r.scope}` | {r.summary} |" for r in ROUTES),
        "",
        *(_route(route) for route in ROUTES),
        "## GET `/health`\n",
        "200 while the site can take payments, else 503. Needs no key.\n",
        "## GET `/takeover`\n",
        (
            "200 while clients are to leave home, 404 while they are not, 503 while the site "
            "cannot tell. Both sites say the same; Route 53 asks the one that is not home. Needs "
            "no key.\n"
        ),
        *openapi_provider.section(),
        "## Currencies\n",
        (
            "Amounts are integers of the minor unit of ISO 4217. A charge is a multiple of the "
            "smallest amount, up to the largest.\n"
        ),
        "| decimals | smallest | largest | currencies |\n| --- | --- | --- | --- |",
        *_currencies(),
    ]
    return "\n".join(parts) + "\n"


def _row(entry: Entry) -> str:
    return (
        f"| [`{entry.code}`](#{entry.code}) | {int(entry.status)} | {entry.title} "
        f"| {'yes' if entry.retry else 'no'} |"
    )


def _section(entry: Entry) -> str:
    return f"## {entry.code}\n\n**{int(entry.status)}. {entry.title}.** {entry.advice}\n"


def _route(route: Route) -> str:
    parts = [
        f"## {route.method} `{route.path}`\n",
        f"{route.summary}. Scope `{route.scope}`.\n",
    ]
    if route.is_list:
        parts.append("Query: `limit`, 1 to 100, 20 by default; `cursor`, from the page before.\n")
    if route.body is not None:
        parts += [*_model("Takes", route.body)]
    for status, model in route.answers.items():
        parts += [*_model(f"Answers {status}", model)]
    codes = ", ".join(f"[`{code}`](errors.md#{code})" for code in codes_of(route))
    parts.append(f"Errors: {codes}.\n")
    return "\n".join(parts)


def _model(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"**{title}**: {(model.__doc__ or '').strip()}\n"
    if model.model_fields:
        yield "| field | meaning |\n| --- | --- |"
        for name, field in model.model_fields.items():
            meaning = (field.description or "").replace("\n", " ")
            yield f"| `{name}` | {meaning} |"
        yield ""


def _currencies() -> Iterator[str]:
    alike: dict[tuple[int, int, int], list[Currency]] = {}
    for currency in CURRENCIES.values():
        key = (currency.exponent, currency.minimum, currency.maximum)
        alike.setdefault(key, []).append(currency)
    for (exponent, minimum, maximum), found in sorted(alike.items()):
        codes = " ".join(currency.code for currency in found)
        yield f"| {_EXPONENTS[exponent]} | {minimum} | {maximum:,} | {codes} |"
