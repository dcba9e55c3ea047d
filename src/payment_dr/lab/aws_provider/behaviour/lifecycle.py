"""From plan to state: applying, reading and importing resources, looking things up."""

import json
import secrets
from typing import Any, Final

from payment_dr.lab.aws_provider.behaviour.cloud import Subject
from payment_dr.lab.aws_provider.behaviour.data_sources import known_data
from payment_dr.lab.aws_provider.behaviour.ephemerals import known_ephemeral
from payment_dr.lab.aws_provider.behaviour.invention import completed
from payment_dr.lab.aws_provider.behaviour.planning import REGION, TAGS_ALL, all_tags
from payment_dr.lab.aws_provider.behaviour.settings import region_of
from payment_dr.lab.aws_provider.schema.model import Attribute
from payment_dr.lab.aws_provider.wire.values import UNKNOWN, Object, empty, is_unknown, mapped

_SEED_BYTES: Final = 8


def applied(subject: Subject, *, prior: Object | None, planned: Object, config: Object) -> Object:
    """Create or change a resource: the state afterwards.

    Only what the plan left unknown is taken from the cloud, since Terraform holds a provider to
    its plan.

    Raises:
        RefusedError: the cloud refused.
    """
    known: Object = {}
    if subject.maker is not None:
        asked = subject.asked(planned, config, prior)
        known = subject.maker.create(asked) if prior is None else subject.maker.update(asked)
    if is_unknown(planned.get(TAGS_ALL)):
        known = known | {TAGS_ALL: all_tags(planned, subject.settings)}
    told = {name: each for name, each in known.items() if is_unknown(planned.get(name))}
    return _completed(subject, planned | told, _seed())


def deleted(subject: Subject, prior: Object) -> None:
    """Delete a resource.

    Raises:
        RefusedError: the cloud refused.
    """
    if subject.maker is not None:
        subject.maker.delete(subject.asked(prior))


def refreshed(subject: Subject, state: Object) -> Object | None:
    """A resource as it is now; None if it is gone.

    Raises:
        RefusedError: the cloud refused.
    """
    if subject.maker is None:
        return state
    found = subject.maker.read(subject.asked(state))
    if found is None:
        return None
    return state | {name: value for name, value in found.items() if name in state}


def imported(subject: Subject, identifier: str) -> Object:
    """State of a resource of which only the identifier is known; the rest is invented."""
    state = mapped(subject.block, empty(subject.block), _unknown_where_computed)
    place = {"id": identifier}
    if subject.block.attribute(REGION) is not None:
        place[REGION] = subject.settings.region
    return _completed(subject, state | place, f"{subject.type_name}{identifier}")


def looked_up(subject: Subject, config: Object) -> Object:
    """Answer of a data source, the same for the same question in the same region.

    Raises:
        RefusedError: the cloud refused.
    """
    region = region_of(config, subject.settings)
    question = json.dumps(config, sort_keys=True, default=str)
    known = known_data(subject.type_name, config, subject.settings)
    return _answered(subject, config, known, f"{subject.type_name}{region}{question}")


def opened(subject: Subject, config: Object) -> Object:
    """Value of an ephemeral resource.

    Raises:
        RefusedError: the cloud refused.
    """
    return _answered(subject, config, known_ephemeral(subject.type_name, config), _seed())


def _answered(subject: Subject, config: Object, known: Object, seed: str) -> Object:
    """What is written in a configuration, what is known of it, and the rest invented."""
    state = mapped(subject.block, config, _unknown_where_computed)
    if subject.cloud is not None:
        known = known | subject.cloud.look_up(subject.asked(config))
    if subject.block.attribute(REGION) is not None:
        known = {REGION: region_of(config, subject.settings)} | known
    told = {name: each for name, each in known.items() if is_unknown(state.get(name))}
    return _completed(subject, state | told, seed)


def _unknown_where_computed(attribute: Attribute, value: Any) -> Any:
    return UNKNOWN if value is None and attribute.computed else value


def _completed(subject: Subject, state: Object, seed: str) -> Object:
    return completed(subject.type_name, subject.block, state, subject.settings, seed)


def _seed() -> str:
    """Resources with the same arguments are not the same: each draws its own."""
    return secrets.token_hex(_SEED_BYTES)
