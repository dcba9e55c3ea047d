"""What the stand-in asks of the emulator, where there is one."""

from dataclasses import dataclass
from typing import Protocol

from payment_dr.lab.aws_provider.behaviour.settings import ProviderSettings
from payment_dr.lab.aws_provider.schema.model import Block
from payment_dr.lab.aws_provider.wire.values import Object


class RefusedError(Exception):
    """The emulator refused, or could not be asked; the text is for the one who applies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A resource that is to be made or looked at.

    Attributes:
        type_name: its type.
        state: as it is planned, or as it is known.
        settings: of its provider.
        config: what is written, write-only arguments included; None if it is only looked at.
        prior: its state before a change.
    """

    type_name: str
    state: Object
    settings: ProviderSettings
    config: Object | None = None
    prior: Object | None = None


class Cloud(Protocol):
    """Makes and reads resources for real. Every method but `makes` raises RefusedError."""

    def makes(self, type_name: str) -> bool:
        """Whether resources of that type are made for real; four methods take no others."""
        ...

    def create(self, asked: Asked) -> Object:
        """Create; what is known of it afterwards."""
        ...

    def update(self, asked: Asked) -> Object:
        """Change from `prior` to `state`; what is known of it afterwards."""
        ...

    def read(self, asked: Asked) -> Object | None:
        """What is known of it now; None if it is gone."""
        ...

    def delete(self, asked: Asked) -> None:
        """Delete; it may be gone already."""
        ...

    def look_up(self, asked: Asked) -> Object:
        """What a data source or an ephemeral resource finds; nothing for types not looked up."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What a call is about: a type, its schema, and the provider that was configured.

    `cloud` is absent where everything is invented.
    """

    type_name: str
    block: Block
    settings: ProviderSettings
    cloud: Cloud | None

    def asked(
        self, state: Object, config: Object | None = None, prior: Object | None = None
    ) -> Asked:
        """The resource as the cloud is asked about it."""
        return Asked(
            type_name=self.type_name,
            state=state,
            settings=self.settings,
            config=config,
            prior=prior,
        )

    @property
    def maker(self) -> Cloud | None:
        """The cloud, if resources of this type are made there for real."""
        return self.cloud if self.cloud is not None and self.cloud.makes(self.type_name) else None
