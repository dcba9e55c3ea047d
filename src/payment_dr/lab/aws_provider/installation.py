"""How Terraform finds the stand-in instead of the real provider.

A development override: every command but `init` starts the program found in the directory.
Measured with Terraform 1.15, `init` needs no provider then, unless a state names it already, and
1.11 always looks for one: both find the same program in a mirror in the directory. A lock file,
which `init` writes in these cases, names a program that exists on this machine alone: keep it out
of version control, as everything that a synthesis makes.
"""

import platform
import re
import shlex
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.aws_provider.schema import cache

_SOURCE: Final = "hashicorp/aws"
_PROGRAM: Final = "terraform-provider-aws"
_REGISTRIES: Final = ("registry.terraform.io", "registry.opentofu.org")
"""Where the engines look when a configuration names no host."""
_VERSION: Final = re.compile(rb"providerVersion: '([0-9.]+)'")
_PLATFORMS: Final = {"x86_64": "amd64", "aarch64": "arm64"}
"""Processors in the engines' words, where these differ from the system's."""
_CONFIGURATION: Final = "stand-in.tfrc"
_MODE: Final = 0o700


def install(directory: Path) -> Mapping[str, str]:
    """Write what makes an engine use the stand-in into a directory, which is made if absent.

    Returns:
        Environment for the engine. Add PAYMENT_DR_STAND_IN_ENDPOINTS to make what the lab runs
        in its emulator.

    Raises:
        PaymentDrError: the bindings of the aws provider are not installed.
    """
    cache.answer()  # read now, so that no first command of the engine seems slow
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / _PROGRAM
    _replace(
        program, f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -m payment_dr.lab.aws_provider\n"
    )
    mirror = _mirror(directory, program)
    configuration = directory / _CONFIGURATION
    _replace(
        configuration,
        "provider_installation {\n"
        f"  dev_overrides {{\n    {_quoted(_SOURCE)} = {_quoted(str(directory.resolve()))}\n  }}\n"
        f"  filesystem_mirror {{\n    path = {_quoted(str(mirror.resolve()))}\n"
        f"    include = [{_quoted(_SOURCE)}]\n  }}\n"
        f"  direct {{\n    exclude = [{_quoted(_SOURCE)}]\n  }}\n"
        "}\n",
    )
    return {"TF_CLI_CONFIG_FILE": str(configuration)}


def _mirror(directory: Path, program: Path) -> Path:
    """The same program where `init` looks for a provider of the bindings' version."""
    version = _version(cache.archive())
    machine = platform.machine().lower()
    place = f"{platform.system().lower()}_{_PLATFORMS.get(machine, machine)}"
    mirror = directory / "mirror"
    for registry in _REGISTRIES:
        folder = mirror / registry / _SOURCE / version / place
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / f"{_PROGRAM}_v{version}", program.read_text())
    return mirror


def _replace(file: Path, text: str) -> None:
    """Write a file in one step: an engine that reads or runs the old one goes on undisturbed."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as made:
        made.write(text)
    Path(made.name).chmod(_MODE)
    Path(made.name).replace(file)


def _version(bindings: Path) -> str:
    """The provider's version that the bindings were generated for; each of their modules says it.

    Raises:
        PaymentDrError: none of them does.
    """
    with tarfile.open(bindings) as files:
        for file in files:
            content = files.extractfile(file) if file.name.endswith("/index.js") else None
            found = _VERSION.search(content.read()) if content is not None else None
            if found is not None:
                return found[1].decode()
    raise PaymentDrError(f"{bindings} does not say which version of the provider it is for")


def _quoted(text: str) -> str:
    """A text of Terraform's configuration language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    for begin in ("${", "%{"):
        escaped = escaped.replace(begin, begin[0] + begin)
    return f'"{escaped}"'
