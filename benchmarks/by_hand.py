"""The effects of one captured payment by hand: what a service that keeps the promises cannot omit.

A conditional put of the record, the charge through Stripe's SDK, a conditional update with the
answer that a retry will get, and the SQL that books. No request is read, nobody is answered,
nothing is checked or logged.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import boto3
import psycopg
import stripe

from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.dynamodb import table_config
from payment_dr.adapters.stripe_transport import PooledTransport
from payment_dr.functions.composition import aws_client, ledger_login, secret_of
from payment_dr.functions.environment import Environment

MERCHANT: Final = "merchant-0"

Pay = Callable[[str], None]


def by_hand(environment: Environment, *, tuned: bool) -> Pay:
    """The same effects without a service around them."""
    settings = environment.settings
    table = settings.resource("table")
    dynamodb: Any = (
        aws_client(environment, "dynamodb", table_config(settings.payments, connections=4))
        if tuned
        else default_client()
    )
    clock = SystemClock()
    client = stripe.StripeClient(
        secret_of(environment, "provider", clock)()["api_key"],
        base_addresses={"api": environment.provider_url or ""},
        http_client=PooledTransport(timeout_s=5, connect_s=1, connections=4) if tuned else None,
    )
    login = ledger_login(environment, secret_of(environment, "ledger", clock)())
    connection = psycopg.connect(
        host=login.host,
        port=login.port,
        user=login.user,
        password=login.password,
        dbname="ledger",
        autocommit=True,
    )

    def pay(key: str) -> None:
        payment, operation, now = str(uuid.uuid4()), str(uuid.uuid4()), time.time()
        claimed = operations(operation, key, now)
        item = {
            "payment_id": {"S": payment},
            "merchant": {"S": MERCHANT},
            "state": {"S": "accepted"},
            "amount_minor": {"N": "1250"},
            "currency": {"S": "EUR"},
            "operations": {"S": json.dumps([claimed])},
            "version": {"N": "1"},
            "epoch": {"N": "1"},
            "site": {"S": environment.site},
            "created_at": {"N": repr(now)},
            "updated_at": {"N": repr(now)},
            "lease_owner": {"S": "by-hand"},
            "lease_expires_at": {"N": repr(now + 4)},
            "open_shard": {"N": "0"},
        }
        dynamodb.put_item(
            TableName=table, Item=item, ConditionExpression="attribute_not_exists(payment_id)"
        )
        intent = client.v1.payment_intents.create(
            {
                "amount": 1250,
                "currency": "eur",
                "confirm": True,
                "payment_method": "pm_card_visa",
                "metadata": {"payment_id": payment, "operation_id": operation},
            },
            {"idempotency_key": operation},
        )
        decided = {
            **claimed,
            "state": "succeeded",
            "provider_reference": intent.id,
            "response": {"status": 201, "body": answer(payment, now)},
            "decided_at": time.time(),
            "fee_minor": 0,
        }
        dynamodb.update_item(
            TableName=table,
            Key={"payment_id": {"S": payment}},
            UpdateExpression="SET #state = :state, operations = :operations, version = :version, "
            "updated_at = :now, unconfirmed_shard = :shard "
            "REMOVE lease_owner, lease_expires_at, open_shard",
            ConditionExpression="version = :based_on",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":state": {"S": "captured"},
                ":operations": {"S": json.dumps([decided])},
                ":version": {"N": "2"},
                ":based_on": {"N": "1"},
                ":now": {"N": repr(now)},
                ":shard": {"N": "0"},
            },
        )
        booking = {
            "operation_id": operation,
            "payment_id": payment,
            "merchant": MERCHANT,
            "kind": "charge",
            "type": "payment.captured",
            "order": 1,
            "currency": "EUR",
            "amount": 1250,
            "decline_code": None,
            "payment": {
                "status": "captured",
                "amount": 1250,
                "captured": 1250,
                "refunded": 0,
                "fees": 0,
                "created_at": now,
            },
            "occurred_at": now,
            "request_id": key,
            "postings": [
                {"account": "provider_receivable", "minor_units": 1250},
                {"account": "merchant_payable", "minor_units": -1250},
            ],
        }
        posted = connection.execute(
            "SELECT ledger.book(1, %s, %s)", (environment.site, json.dumps([booking]))
        ).fetchone()
        assert posted == (True,)

    return pay


def default_client() -> Any:
    """boto3 as it comes; endpoint, region and keys are in the environment."""
    session: Any = boto3.session.Session()
    return session.client("dynamodb")


def operations(operation: str, key: str, now: float) -> dict[str, Any]:
    """What the record says of its charge, as long as in ours."""
    return {
        "operation_id": operation,
        "kind": "charge",
        "idempotency_key": key,
        "fingerprint": hashlib.sha256(key.encode()).hexdigest(),
        "amount_minor": 1250,
        "capture": True,
        "payment_method": "pm_card_visa",
        "state": "pending",
        "provider_reference": None,
        "decline_code": None,
        "response": None,
        "started_at": now,
        "decided_at": None,
        "fee_minor": None,
        "request_id": key,
    }


def answer(payment: str, created_at: float) -> str:
    """What the client would be told, and is told again when it retries."""
    return json.dumps(
        {
            "payment_id": payment,
            "status": "captured",
            "amount": 1250,
            "currency": "EUR",
            "captured": 1250,
            "refunded": 0,
            "created_at": created_at,
            "metadata": {},
        }
    )
