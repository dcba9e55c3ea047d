"""Read settings from a TOML file and the environment; every bad value is named at once.

An environment variable overrides the file: `PAYMENT_DR__PROBES__INTERVAL_S=1` is `interval_s` in
`[probes]`. Lists such as `sites` are overridden as a whole, in JSON.
"""

import os
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import (
    SettingsError as SourceError,
)

from payment_dr.core.errors import SettingsError
from payment_dr.core.settings import Settings

_PREFIX: Final = "PAYMENT_DR__"

SIZE_MAX: Final = 256 * 1024
"""Largest settings file in bytes; real ones have some two thousand."""

Example = Literal["development", "rehearsal", "production"]
_REMEDY: Final = "compare with `payment-dr settings --example development`"


class _Layered(Settings, BaseSettings):
    """The same model, filled from the environment over a file; the file is set per load."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=_PREFIX, env_nested_delimiter="__"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del init_settings, dotenv_settings, file_secret_settings
        return env_settings, TomlConfigSettingsSource(settings_cls)


def load(path: Path) -> Settings:
    """Settings of the file under the environment's overrides.

    Raises:
        SettingsError: the file cannot be read, is no TOML, or has values that cannot be used.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise SettingsError(
            f"settings file {path}: {error.strerror}",
            remedy=f"payment-dr settings --example development > {path}",
        ) from error
    if size > SIZE_MAX:
        raise SettingsError(f"settings file {path} has {size} bytes; at most {SIZE_MAX} are read")
    _refuse_unknown_overrides()
    layered: Any = type("Layered", (_Layered,), {"model_config": {"toml_file": path}})
    try:
        return Settings.model_validate(layered().model_dump())
    except ValidationError as error:
        problems = "\n".join(f"  {_describe(detail)}" for detail in error.errors())
        raise SettingsError(
            f"settings {path} (and PAYMENT_DR__* in the environment):\n{problems}", remedy=_REMEDY
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {path} is not TOML: {error}", remedy=_REMEDY) from error
    except SourceError as error:
        raise SettingsError(f"PAYMENT_DR__* in the environment: {error}", remedy=_REMEDY) from error


def example_text(kind: Example) -> str:
    """The text of an example settings file."""
    return files("payment_dr.core").joinpath("examples", f"{kind}.toml").read_text("utf-8")


def example(kind: Example) -> Settings:
    """The settings of an example, without the environment's overrides."""
    return Settings.model_validate(tomllib.loads(example_text(kind)))


def _refuse_unknown_overrides() -> None:
    """pydantic-settings ignores an unknown variable at the top level; a typo must not pass."""
    known = set(Settings.model_fields)
    for name in os.environ:
        if name.startswith(_PREFIX) and name[len(_PREFIX) :].split("__")[0].lower() not in known:
            raise SettingsError(
                f"environment variable {name} sets no setting; top-level ones are {sorted(known)}",
                remedy=f"unset {name}",
            )


def _describe(detail: ErrorDetails) -> str:
    """One problem as `place: given VALUE: what is accepted`."""
    place = ".".join(str(part) for part in detail["loc"]) or "together"
    if detail["type"] == "extra_forbidden":
        return f"{place}: no such setting"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing" or not detail["loc"] or isinstance(detail["input"], dict):
        return f"{place}: {message}"
    return f"{place}: given {detail['input']!r}: {message}"
