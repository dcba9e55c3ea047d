"""A record as an item of the payments table, and back.

The operations are one JSON string: as DynamoDB's typed maps the same put costs about 5 % more CPU
in the client, and a person reads JSON more easily. What people and indexes look for
(state, amount, version, site, times) is an attribute of its own. The two index keys are present
only while they mean something, which makes their indexes sparse.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from payment_dr.core.identifiers import is_uuid
from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.payments.metadata import Metadata
from payment_dr.payments.record import Lease, Operation, Record, shard_of

KEY: Final = "payment_id"
UNCONFIRMED_INDEX: Final = "unconfirmed"
UNCONFIRMED_KEY: Final = "unconfirmed_shard"
OPEN_INDEX: Final = "open"
OPEN_KEY: Final = "open_shard"

Item = dict[str, Any]
"""An item as DynamoDB's low-level client takes it: attribute -> {type: value}."""

_OPERATIONS: Final = TypeAdapter(tuple[Operation, ...])
_METADATA: Final = TypeAdapter(Metadata)


def is_payment_key(key: str) -> bool:
    """Whether an item of the payments table is a payment: others have names, no UUIDs."""
    return is_uuid(key)


def item_of(record: Record) -> Item:
    """The whole item; a put of it replaces whatever was there."""
    item: Item = {
        KEY: {"S": record.payment_id},
        "merchant": {"S": record.merchant},
        "state": {"S": record.state.value},
        "amount_minor": {"N": str(record.money.minor_units)},
        "currency": {"S": record.money.currency},
        "operations": {"S": _OPERATIONS.dump_json(record.operations).decode()},
        "version": {"N": str(record.version)},
        "epoch": {"N": str(record.epoch)},
        "site": {"S": record.site},
        "created_at": {"N": repr(record.created_at)},
        "updated_at": {"N": repr(record.updated_at)},
    }
    if record.lease is not None:
        item["lease_owner"] = {"S": record.lease.owner}
        item["lease_expires_at"] = {"N": repr(record.lease.expires_at)}
    if record.unconfirmed is not None:
        item[UNCONFIRMED_KEY] = {"N": str(record.unconfirmed)}
    if record.pending is not None:
        item[OPEN_KEY] = {"N": str(shard_of(record.payment_id))}
    if record.metadata:
        item["metadata"] = {"S": _METADATA.dump_json(record.metadata).decode()}
    return item


def record_of(item: Mapping[str, Any]) -> Record:
    """The record of an item that `item_of` made."""
    owner = item.get("lease_owner")
    unconfirmed = item.get(UNCONFIRMED_KEY)
    metadata = item.get("metadata")
    return Record(
        payment_id=item[KEY]["S"],
        merchant=item["merchant"]["S"],
        money=Money(minor_units=int(item["amount_minor"]["N"]), currency=item["currency"]["S"]),
        operations=_OPERATIONS.validate_json(item["operations"]["S"]),
        version=int(item["version"]["N"]),
        lease=None
        if owner is None
        else Lease(owner=owner["S"], expires_at=float(item["lease_expires_at"]["N"])),
        unconfirmed=None if unconfirmed is None else int(unconfirmed["N"]),
        epoch=Epoch(int(item["epoch"]["N"])),
        site=SiteName(item["site"]["S"]),
        created_at=float(item["created_at"]["N"]),
        updated_at=float(item["updated_at"]["N"]),
        metadata=() if metadata is None else _METADATA.validate_json(metadata["S"]),
    )
