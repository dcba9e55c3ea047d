"""What a change would lead to: the planned state, and what makes a change a replacement."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from payment_dr.lab.aws_provider.behaviour.cloud import Subject
from payment_dr.lab.aws_provider.behaviour.forced import REPLACES
from payment_dr.lab.aws_provider.behaviour.settings import ProviderSettings
from payment_dr.lab.aws_provider.schema.model import Attribute, Block
from payment_dr.lab.aws_provider.wire.values import UNKNOWN, Object, has_unknown, mapped

REGION: Final = "region"
_TAGS: Final = "tags"
TAGS_ALL: Final = "tags_all"

RECOMPUTED: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "aws_lambda_function": {
        attribute: frozenset({"source_code_hash", "filename", "environment", "handler", "runtime"})
        for attribute in ("version", "qualified_arn", "qualified_invoke_arn", "last_modified")
    },
    "aws_sfn_state_machine": {
        attribute: frozenset({"definition"})
        for attribute in ("revision_id", "state_machine_version_arn")
    },
}
"""Attributes of a type that a change of certain arguments makes unknown until it is applied."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The state that is planned, and the arguments whose change needs a new resource."""

    state: Object
    replaced_for: tuple[str, ...]


def read_only_in(block: Block, config: Object) -> tuple[str, ...]:
    """Attributes that are set though nobody but AWS can; Terraform's core lets them pass."""
    found: list[str] = []

    def look(attribute: Attribute, value: Any) -> Any:
        if value is not None and not (attribute.required or attribute.optional):
            found.append(attribute.name)
        return value

    mapped(block, config, look)
    return tuple(found)


def planned(subject: Subject, *, prior: Object | None, proposed: Object, config: Object) -> Plan:
    """Plan a creation (`prior` is None) or a change.

    A computed attribute without a value is unknown when its resource or its block is new; in an
    existing resource it keeps what it had.
    """
    block, settings = subject.block, subject.settings
    state = mapped(block, proposed, _until_apply)
    if block.attribute(REGION) is not None and config.get(REGION) is None:
        state[REGION] = settings.region
    if block.attribute(TAGS_ALL) is not None:
        state[TAGS_ALL] = all_tags(state, settings)
    if prior is None:
        return Plan(state=state, replaced_for=())
    state |= {
        each.name: None
        for each in block.attributes
        if proposed.get(each.name) is None and prior.get(each.name) is None
    }
    state |= _recomputed(subject.type_name, prior, state)
    forced = REPLACES.get(subject.type_name, frozenset()) | {REGION}
    changed = (name for name in forced if prior.get(name) != state.get(name))
    return Plan(state=state, replaced_for=tuple(sorted(changed)))


def _until_apply(attribute: Attribute, value: Any) -> Any:
    if attribute.write_only:
        return None
    return UNKNOWN if value is None and attribute.computed else value


def all_tags(state: Mapping[str, Any], settings: ProviderSettings) -> Any:
    """Value of `tags_all`."""
    own: Any = state.get(_TAGS) or {}
    if has_unknown(own) or has_unknown(settings.default_tags):
        return UNKNOWN
    return {**settings.default_tags, **own}


def _recomputed(type_name: str, prior: Object, state: Object) -> Object:
    return {
        attribute: UNKNOWN
        for attribute, triggers in RECOMPUTED.get(type_name, {}).items()
        if any(prior.get(name) != state.get(name) for name in triggers)
    }
