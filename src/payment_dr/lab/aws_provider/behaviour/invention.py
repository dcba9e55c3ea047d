"""Values for what only AWS knows: invented, of the right type, and the same for the same seed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

from payment_dr.lab.aws_provider.behaviour.settings import ProviderSettings, region_of
from payment_dr.lab.aws_provider.schema.model import (
    Attribute,
    Block,
    Collection,
    Kind,
    Primitive,
    Record,
    Type,
)
from payment_dr.lab.aws_provider.wire.values import Object, has_unknown, is_unknown, mapped

_ITEMS: Final = 3
"""How many texts an invented list holds: as many as a site has zones."""

_DIGITS: Final = 17
"""Length of the part after the dash in AWS's own identifiers."""

_PROOFS: Final = ("aws_acm_certificate", "domain_validation_options")
"""Computed from a certificate's names; stacks make a record of each."""

_ACCOUNTS: Final = frozenset({"account_id", "owner_id"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Owner:
    """Whose attributes are invented: beginnings of its identifier and ARN, and its account."""

    identifier: str
    arn: str
    account: str


def completed(
    type_name: str, block: Block, state: Mapping[str, Any], settings: ProviderSettings, seed: str
) -> Object:
    """A state in which every value that is unknown has an invented one."""
    kind = type_name.removeprefix("aws_")
    place = f"{region_of(state, settings)}:{settings.account}"
    owner = _Owner(
        identifier=f"{kind.replace('_', '-')}-",
        arn=f"arn:aws:{kind.partition('_')[0]}:{place}:",
        account=settings.account,
    )

    def known(attribute: Attribute, value: Any) -> Any:
        if attribute.write_only:
            return None
        if not has_unknown(value):
            return value
        if (type_name, attribute.name) == _PROOFS:
            return _proofs(state, seed)
        if attribute.optional and isinstance(attribute.type, Collection):
            return _nothing(attribute.type)
        return _invented(owner, attribute.type, attribute.name, f"{seed}{attribute.name}")

    return mapped(block, state, known)


def _proofs(state: Mapping[str, Any], seed: str) -> list[Object]:
    """What the owner of a certificate's names has to put into their zone, one record for each."""
    others = state.get("subject_alternative_names")
    names: list[str] = [state["domain_name"], *([] if is_unknown(others) else others or [])]
    digits = {
        name: hashlib.sha256(f"{seed}{name}".encode()).hexdigest()[:_DIGITS] for name in names
    }
    return [
        {
            "domain_name": name,
            "resource_record_name": f"_{digits[name]}.{name}.",
            "resource_record_type": "CNAME",
            "resource_record_value": f"_{digits[name]}.acm-validations.aws.",
        }
        for name in dict.fromkeys(names)
    ]


def _nothing(kind: Collection) -> Any:
    """What may be written and is not: AWS adds nothing to it."""
    return {} if kind.kind is Kind.MAP else []


def _invented(owner: _Owner, kind: Type, name: str, seed: str) -> Any:
    match kind:
        case Primitive():
            return _primitive(owner, kind, name, seed)
        case Record():
            return {
                member: _invented(owner, each, member, f"{seed}.{member}")
                for member, each in kind.attributes
            }
        case Collection():
            return _elements(owner, kind, name, seed)
        case unreachable:
            assert_never(unreachable)


def _elements(owner: _Owner, kind: Collection, name: str, seed: str) -> Any:
    if kind.kind is Kind.MAP:
        return {}
    count = _ITEMS if kind.element is Primitive.STRING and kind.kind is Kind.LIST else 1
    return [_invented(owner, kind.element, name, f"{seed}{index}") for index in range(count)]


def _primitive(owner: _Owner, kind: Primitive, name: str, seed: str) -> Any:
    match kind:
        case Primitive.STRING:
            return _text(owner, name, seed)
        case Primitive.NUMBER:
            return 0
        case Primitive.BOOL:
            return False
        case Primitive.DYNAMIC:
            return [json.dumps(Primitive.STRING).encode(), _text(owner, name, seed)]
        case unreachable:
            assert_never(unreachable)


def _text(owner: _Owner, name: str, seed: str) -> str:
    if name in _ACCOUNTS:
        return owner.account
    digits = hashlib.sha256(seed.encode()).hexdigest()[:_DIGITS]
    if name == "id":
        return f"{owner.identifier}{digits}"
    return f"{owner.arn}{name}/{digits}" if name.endswith("arn") else f"{name}-{digits}"
