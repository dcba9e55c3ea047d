"""Calls the provider as Terraform's core does, in this process and without gRPC."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payment_dr.lab.aws_provider.behaviour.cloud import Cloud
from payment_dr.lab.aws_provider.provider import Provider
from payment_dr.lab.aws_provider.schema.answer import Schemas
from payment_dr.lab.aws_provider.schema.model import Block, Family, NestedBlock, Nesting
from payment_dr.lab.aws_provider.wire.messages import CODEC
from payment_dr.lab.aws_provider.wire.values import Object, decoded, encoded

ACCOUNT = "210987654321"


class DiagnosedError(Exception):
    """The provider answered errors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    state: Object
    replaced_for: list[str]


class Driver:
    def __init__(self, schemas: Schemas, cloud: Cloud | None = None, **config: Any) -> None:
        self.schemas = schemas
        self.methods = Provider(schemas, cloud).methods()
        settings = {"region": "us-east-1", "allowed_account_ids": [ACCOUNT], **config}
        self.call("Configure", "Empty", config=settings)

    def call(self, name: str, response: str | None = None, **request: Any) -> dict[str, Any]:
        """Make one call; values of the request's fields that are objects are encoded."""
        method = self.methods[name]
        fields = {
            key: encoded(value) if isinstance(value, dict) else value
            for key, value in request.items()
        }
        answer = CODEC.decode(
            response or method.response, method(CODEC.encode(method.request, fields))
        )
        _raise_errors(answer)
        return answer

    def written(self, type_name: str, arguments: Mapping[str, Any]) -> Object:
        """A configuration of a resource with everything in it that is not written."""
        return _written(self.schemas.block(Family.RESOURCE, type_name), arguments)

    def plan(
        self, type_name: str, arguments: Mapping[str, Any], prior: Object | None = None
    ) -> Planned:
        config = self.written(type_name, arguments)
        block = self.schemas.block(Family.RESOURCE, type_name)
        answer = self.call(
            "PlanResourceChange",
            type_name=type_name,
            prior_state=prior,
            proposed_new_state=_proposed(block, config, prior or {}),
            config=config,
        )
        return Planned(
            state=_present(decoded(answer["planned_state"])),
            replaced_for=[
                path["steps"][0]["attribute_name"] for path in answer["requires_replace"]
            ],
        )

    def apply(
        self, type_name: str, arguments: Mapping[str, Any], prior: Object | None = None
    ) -> Object:
        """Plan and apply; the state after."""
        answer = self.call(
            "ApplyResourceChange",
            type_name=type_name,
            prior_state=prior,
            planned_state=self.plan(type_name, arguments, prior).state,
            config=self.written(type_name, arguments),
        )
        return _present(decoded(answer["new_state"]))

    def read(self, type_name: str, state: Object) -> Object | None:
        answer = self.call("ReadResource", type_name=type_name, current_state=state)
        return decoded(answer["new_state"])

    def delete(self, type_name: str, state: Object) -> None:
        gone = {"msgpack": b"\xc0"}
        method = self.methods["ApplyResourceChange"]
        request = {"type_name": type_name, "prior_state": encoded(state), "planned_state": gone}
        answer = CODEC.decode(method.response, method(CODEC.encode(method.request, request)))
        _raise_errors(answer)
        assert decoded(answer["new_state"]) is None

    def look_up(self, type_name: str, **arguments: Any) -> Object:
        config = _written(self.schemas.block(Family.DATA, type_name), arguments)
        answer = self.call("ReadDataSource", type_name=type_name, config=config)
        return _present(decoded(answer["state"]))

    def open(self, type_name: str, **arguments: Any) -> Object:
        config = _written(self.schemas.block(Family.EPHEMERAL, type_name), arguments)
        answer = self.call("OpenEphemeralResource", type_name=type_name, config=config)
        return _present(decoded(answer["result"]))


def _raise_errors(answer: Mapping[str, Any]) -> None:
    errors = [f"{each['summary']}: {each['detail']}" for each in answer.get("diagnostics", [])]
    if errors:
        raise DiagnosedError("; ".join(errors))


def _proposed(block: Block, config: Object, prior: Object) -> Object:
    """As the core proposes it: what is computed and not written stays as it was."""
    kept = {
        each.name: prior.get(each.name)
        for each in block.attributes
        if each.computed and config[each.name] is None
    }
    blocks: Object = {}
    for nested in block.blocks:
        written, before = config[nested.name], prior.get(nested.name) or []
        if nested.nesting in {Nesting.LIST, Nesting.SET}:
            blocks[nested.name] = [
                _proposed(nested.block, each, _same(nested.block, each, before)) for each in written
            ]
    return config | kept | blocks


def _same(block: Block, written: Object, before: list[Object]) -> Object:
    """The block that was there with the same arguments."""
    names = [each.name for each in block.attributes if written[each.name] is not None]
    same = [each for each in before if all(each[name] == written[name] for name in names)]
    return same[0] if same else {}


def _present(value: Object | None) -> Object:
    assert value is not None
    return value


def names_in(block: Block) -> set[str]:
    """Everything that may stand in a block."""
    return {each.name for each in block.attributes} | {each.name for each in block.blocks}


def _written(block: Block, arguments: Mapping[str, Any]) -> Object:
    assert not arguments.keys() - names_in(block)
    attributes = {each.name: arguments.get(each.name) for each in block.attributes}
    return attributes | {
        each.name: _blocks(each, arguments.get(each.name)) for each in block.blocks
    }


def _blocks(nested: NestedBlock, value: Any) -> Any:
    if nested.nesting is Nesting.SINGLE:
        return None if value is None else _written(nested.block, value)
    if nested.nesting is Nesting.MAP:
        return {key: _written(nested.block, each) for key, each in (value or {}).items()}
    return [_written(nested.block, each) for each in value or []]
