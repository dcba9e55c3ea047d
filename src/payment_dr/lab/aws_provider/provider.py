"""The provider as Terraform calls it: each call decoded, done, and its answer encoded."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from payment_dr.lab.aws_provider.behaviour.cloud import Cloud, RefusedError, Subject
from payment_dr.lab.aws_provider.behaviour.lifecycle import (
    applied,
    deleted,
    imported,
    looked_up,
    opened,
    refreshed,
)
from payment_dr.lab.aws_provider.behaviour.planning import planned, read_only_in
from payment_dr.lab.aws_provider.behaviour.settings import ProviderSettings, settings_of
from payment_dr.lab.aws_provider.schema.answer import Schemas
from payment_dr.lab.aws_provider.schema.model import Family
from payment_dr.lab.aws_provider.wire.codec import Message
from payment_dr.lab.aws_provider.wire.server import Method
from payment_dr.lab.aws_provider.wire.values import decoded, encoded

SERVICE: Final = "tfplugin5.Provider"
_ERROR: Final = 1
"""Severity of a diagnostic."""

_SILENT: Final = (
    "CloseEphemeralResource",
    "GetResourceIdentitySchemas",
    "Stop",
)
"""Calls to which nothing is answered."""

_VALIDATED: Final[Mapping[Family, str]] = {
    Family.RESOURCE: "ValidateResourceTypeConfig",
    Family.DATA: "ValidateDataSourceConfig",
    Family.EPHEMERAL: "ValidateEphemeralResourceConfig",
}
"""Calls that validate a configuration; Terraform itself has checked it against the schema."""


class Provider:
    """One configured provider; Terraform starts a process for each configuration."""

    def __init__(self, schemas: Schemas, cloud: Cloud | None) -> None:
        self._schemas = schemas
        self._cloud = cloud
        self._settings = ProviderSettings()

    def methods(self) -> Mapping[str, Method]:
        """What Terraform can call, by the name of the call."""
        calls = {
            "UpgradeResourceState": self._upgrade,
            "ReadResource": self._read,
            "PlanResourceChange": self._plan,
            "ApplyResourceChange": self._apply,
            "ImportResourceState": self._import,
            "ReadDataSource": self._look_up,
            "OpenEphemeralResource": self._open,
            "PrepareProviderConfig": self._prepare,
        }
        return {
            **{name: Method(call=_silent) for name in _SILENT},
            **{
                name: Method(
                    call=partial(self._validate, family),
                    request="ValidateRequest",
                    response="ValidateResponse",
                )
                for family, name in _VALIDATED.items()
            },
            **{
                name: Method(
                    call=_guarded(call), request=f"{name}Request", response=f"{name}Response"
                )
                for name, call in calls.items()
            },
            "GetSchema": Method(call=lambda _: self._schemas.answer),
            "Configure": Method(call=self._configure, request="ConfigureRequest"),
        }

    def _prepare(self, request: Message) -> Message:
        return {"prepared_config": request["config"]}

    def _configure(self, request: Message) -> Message:
        self._settings = settings_of(decoded(request["config"]) or {})
        return {}

    def _validate(self, family: Family, request: Message) -> Message:
        block = self._subject(family, request).block
        names = read_only_in(block, decoded(request["config"]) or {})
        what = "Value for unconfigurable attribute"
        return {
            "diagnostics": [
                _error(what, f'"{name}" is decided by AWS: it cannot be set') for name in names
            ]
        }

    def _upgrade(self, request: Message) -> Message:
        """The state is of this version of the provider: it is given back as it is, as JSON."""
        return {"upgraded_state": request["raw_state"]}

    def _read(self, request: Message) -> Message:
        state = decoded(request["current_state"])
        subject = self._subject(Family.RESOURCE, request)
        return {"new_state": encoded(None if state is None else refreshed(subject, state))}

    def _plan(self, request: Message) -> Message:
        proposed = decoded(request["proposed_new_state"])
        if proposed is None:
            return {"planned_state": encoded(None)}
        plan = planned(
            self._subject(Family.RESOURCE, request),
            prior=decoded(request["prior_state"]),
            proposed=proposed,
            config=decoded(request["config"]) or {},
        )
        paths = [{"steps": [{"attribute_name": name}]} for name in plan.replaced_for]
        return {"planned_state": encoded(plan.state), "requires_replace": paths}

    def _apply(self, request: Message) -> Message:
        subject = self._subject(Family.RESOURCE, request)
        prior, state = decoded(request["prior_state"]), decoded(request["planned_state"])
        if state is not None:
            config = decoded(request["config"]) or {}
            state = applied(subject, prior=prior, planned=state, config=config)
        elif prior is not None:
            deleted(subject, prior)
        return {"new_state": encoded(state)}

    def _import(self, request: Message) -> Message:
        state = imported(self._subject(Family.RESOURCE, request), request["id"])
        resource = {"type_name": request["type_name"], "state": encoded(state)}
        return {"imported_resources": [resource]}

    def _look_up(self, request: Message) -> Message:
        subject = self._subject(Family.DATA, request)
        return {"state": encoded(looked_up(subject, decoded(request["config"]) or {}))}

    def _open(self, request: Message) -> Message:
        subject = self._subject(Family.EPHEMERAL, request)
        return {"result": encoded(opened(subject, decoded(request["config"]) or {}))}

    def _subject(self, family: Family, request: Message) -> Subject:
        return Subject(
            type_name=request["type_name"],
            block=self._schemas.block(family, request["type_name"]),
            settings=self._settings,
            cloud=self._cloud,
        )


def _error(what: str, why: str) -> Message:
    return {"severity": _ERROR, "summary": what, "detail": why}


def _silent(_request: Message) -> Message:
    """Nothing to object to, nothing to say."""
    return {}


def _guarded(call: Callable[[Message], Message]) -> Callable[[Message], Message]:
    """A call in which a refusal by the emulator becomes an error of its resource."""

    def guarded(request: Message) -> Message:
        try:
            return call(request)
        except RefusedError as refusal:
            what = f"the emulator refused {request['type_name']}"
            return {"diagnostics": [_error(what, str(refusal))]}

    return guarded
