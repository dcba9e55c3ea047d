"""What plans leave out and rules need: `lifecycle` and `backend`, read from the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ALL_ATTRIBUTES: Final = "all"
"""Stands in a set of ignored attributes for `ignore_changes = all`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """Where state is kept; `region` is "" when not a constant."""

    kind: str
    region: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleConfiguration:
    """A module's directory.

    `ignored` maps `aws_rds_cluster.west` to its ignored attributes; resources without a lifecycle
    map to none. `backend` is None without a backend or cloud block.
    """

    ignored: Mapping[str, frozenset[str]]
    backend: Backend | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """All modules found, by their place as in `Scope.key`; "" is the root module."""

    modules: Mapping[str, ModuleConfiguration]
