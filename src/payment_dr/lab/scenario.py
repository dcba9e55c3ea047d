"""A scenario is data: load, steps with their waits, and the claims that must hold or must break."""

import tomllib
from enum import StrEnum, unique
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from payment_dr.core.errors import PaymentDrError

SIZE_MAX: Final = 64 * 1024
"""Largest scenario file in bytes."""


@unique
class Action(StrEnum):
    """What a step does to the site that it names."""

    SEVER = "sever"
    KILL_SITE = "kill-site"
    START_SITE = "start-site"
    KILL_DATABASE = "kill-database"
    REBUILD_DATABASE = "rebuild-database"
    ISOLATE = "isolate"
    ONE_WAY = "one-way"
    PARTIAL = "partial"
    SLOW = "slow"
    HEAL = "heal"
    SWITCHOVER = "switchover"
    FAILBACK = "failback"
    AWAIT_MOVE = "await-move"
    AWAIT_CONFIRMED = "await-confirmed"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoadShape(_Model):
    """What clients do: new payments per second, and shares of them for the rest."""

    rate_per_s: Annotated[float, Field(gt=0, le=2_000)] = 100
    duplicates: Annotated[float, Field(ge=0, le=1)] = 0.05
    refunds: Annotated[float, Field(ge=0, le=1)] = 0.05
    reads: Annotated[float, Field(ge=0, le=1)] = 0.10
    key_reuses: Annotated[float, Field(ge=0, le=1)] = 0.01


class Step(_Model):
    """After `wait_s`, do `action`; the await actions give up after `within_s`.

    `fault` marks the one step from which recovery times are measured.
    """

    action: Action
    site: Literal["home", "other"] = "home"
    wait_s: Annotated[float, Field(ge=0, le=600)] = 0
    within_s: Annotated[float, Field(gt=0, le=600)] = 20
    fault: bool = False


class Scenario(_Model):
    """One drill. `must_break` names the claims that a negative control breaks; else it is empty."""

    name: str
    summary: str
    load: LoadShape = LoadShape()
    steps: tuple[Step, ...]
    tail_s: Annotated[float, Field(ge=0, le=600)] = 3
    settle_s: Annotated[float, Field(gt=0, le=600)] = 15
    api_handler: str = "payment_dr.functions.api:handler"
    must_break: tuple[str, ...] = ()
    provider_faults: dict[str, float] = {}

    @property
    def negative_control(self) -> bool:
        """Whether the drill must fail: it plants a fault to show that the checker sees it."""
        return bool(self.must_break)


def names() -> tuple[str, ...]:
    """The scenarios that come with payment-dr."""
    folder = files("payment_dr.lab.scenarios")
    return tuple(
        sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if ".toml" in f.name)
    )


def load(name: str) -> Scenario:
    """A scenario by the name of one that comes with payment-dr, or by the path of a TOML file.

    Raises:
        PaymentDrError: there is none, or it has values that cannot be used.
    """
    remedy = f"name one of {', '.join(names())}, or a TOML file like them"
    if name in names():
        text = files("payment_dr.lab.scenarios").joinpath(f"{name}.toml").read_text("utf-8")
    elif name.endswith(".toml") and Path(name).is_file():
        with Path(name).open("rb") as file:
            text = file.read(SIZE_MAX).decode("utf-8", errors="replace")
    else:
        raise PaymentDrError(f"there is no scenario {name!r}", remedy=remedy)
    try:
        return Scenario.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise PaymentDrError(f"scenario {name} cannot be used: {error}", remedy=remedy) from error
