"""What goes into the function package: only what the handlers import.

The project's own modules are found by following imports from the handlers. Installed packages come
whole, less what no function reads: metadata of the installation, stubs, and the descriptions of
AWS services that nothing calls, which are most of the SDK's size.
"""

import re
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

import grimp

from payment_dr.functions.catalogue import FUNCTIONS

ROOT: Final = "payment_dr"

SERVICES: Final = frozenset(
    {
        "acm",
        "dynamodb",
        "kms",
        "lambda",
        "rds",
        "s3",
        "secretsmanager",
        "stepfunctions",
    }
)
"""AWS services that functions call, by boto3's names. A test compares it with the code."""

_DROPPED_DIRECTORIES: Final = frozenset({"__pycache__", "bin", "examples", "tests"})
_DROPPED_NAMES: Final = frozenset({".lock", "INSTALLER", "RECORD", "REQUESTED", "direct_url.json"})
_DROPPED_SUFFIXES: Final = frozenset({".pyc", ".pyi", ".pyx", ".pxd"})
_UNUSED: Final = re.compile(
    r"(charset_normalizer|requests)[-/]|stripe/(params|events)/|pydantic/v1/"
    r"|aws_lambda_powertools/event_handler/|dateutil/zoneinfo/.*\.tar\.gz$"
)
"""What no function uses, a third of the package: the Stripe SDK is given another transport than
`requests` and looks for it only to have a default; its `params` are for type checkers, its `events`
for another interface than the webhooks; times are in UTC. Tests see to it."""
_SERVICE: Final = re.compile(r"(?:botocore|boto3)/data/([^/]+)/")


def imported() -> tuple[frozenset[str], frozenset[str]]:
    """What the handlers import, directly or not: modules of the project, and packages beside it."""
    graph = grimp.build_graph(
        ROOT, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )
    handlers = {f.handler.partition(":")[0] for f in FUNCTIONS}
    found = handlers.union(*(graph.find_upstream_modules(module) for module in handlers))
    own = {module for module in found if module.partition(".")[0] == ROOT}
    parents = {parent for module in own for parent in _parents(module)}
    return frozenset(own | parents), frozenset(found - own)


def own_files(modules: Iterable[str]) -> dict[str, bytes]:
    """Files of the project by their path in the package; a module's package brings its data."""
    tree = files(ROOT)
    contents: dict[str, bytes] = {}
    for module in modules:
        parts = module.split(".")[1:]
        directory = tree.joinpath(*parts)
        if directory.is_dir():
            for entry in directory.iterdir():
                if entry.is_file() and (entry.name == "__init__.py" or _is_data(entry)):
                    contents["/".join([ROOT, *parts, entry.name])] = entry.read_bytes()
        else:
            path = "/".join([ROOT, *parts]) + ".py"
            contents[path] = tree.joinpath(*parts[:-1], f"{parts[-1]}.py").read_bytes()
    return contents


def is_needed(path: str) -> bool:
    """Whether a file of an installed package belongs in the function package.

    Args:
        path: relative to the place of installation, with `/`.
    """
    pure = PurePosixPath(path)
    if pure.name in _DROPPED_NAMES or pure.suffix in _DROPPED_SUFFIXES:
        return False
    if not _DROPPED_DIRECTORIES.isdisjoint(pure.parts[:-1]):
        return False
    if _UNUSED.match(path):
        return False
    service = _SERVICE.match(path)
    return service is None or service[1] in SERVICES


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _is_data(entry: Traversable) -> bool:
    return PurePosixPath(entry.name).suffix not in {".py", ".pyc"}
