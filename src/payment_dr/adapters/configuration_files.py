"""Reads lifecycles, backends and module calls from a configuration, in JSON or native syntax.

Modules are found by `.terraform/modules/modules.json`, as `init` writes it, and by local sources.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from payment_dr.adapters.hcl import Block, HclError, parse
from payment_dr.core.errors import PaymentDrError
from payment_dr.lint.configuration import Backend, Configuration, ModuleConfiguration
from payment_dr.lint.values import listed, mapping, strings, text

FILE_BYTES_MAX: Final = 50 * 1024 * 1024
MODULES_MAX: Final = 1000

_WORD: Final = re.compile(r"[A-Za-z_][\w-]*")
_LITERAL: Final = re.compile(r'"([^"$%\\]*)"')
_MANIFEST: Final = Path(".terraform", "modules", "modules.json")


class ConfigurationError(PaymentDrError):
    """A configuration cannot be read."""


class _ManifestModule(msgspec.Struct, frozen=True, rename="pascal"):
    key: str
    dir: str


class _Manifest(msgspec.Struct, frozen=True, rename="pascal"):
    modules: list[_ManifestModule]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Module:
    """What one file or directory says; `calls` maps modules that it calls to their sources."""

    ignored: Mapping[str, frozenset[str]]
    backend: Backend | None
    calls: Mapping[str, str]


def read_configuration(path: Path) -> Configuration:
    """The configuration of a directory, or of one file with the modules beside it.

    Raises:
        ConfigurationError: nothing there, or a file is no configuration.
    """
    is_file = path.is_file()
    directory = path.parent if is_file else path
    installed = _manifest(directory)
    read: dict[str, ModuleConfiguration] = {}
    todo = [("", directory, [path] if is_file else _files(directory))]
    if not todo[0][2]:
        raise ConfigurationError(
            f"configuration {path}: no file named *.tf or *.tf.json is there",
            remedy="give the directory that the plan was made in, or its cdk.tf.json",
        )
    while todo and len(read) < MODULES_MAX:
        key, place, paths = todo.pop()
        module = _merge(_module(one) for one in paths)
        read[key] = ModuleConfiguration(ignored=module.ignored, backend=module.backend)
        for name, source in module.calls.items():
            child = f"{key}.{name}" if key else name
            found = installed.get(child)
            if found is None and source.startswith("."):
                found = place / source
            if found is not None and (inner := _files(found)):
                todo.append((child, found, inner))
    return Configuration(modules=read)


def _files(directory: Path) -> list[Path]:
    return sorted((*directory.glob("*.tf"), *directory.glob("*.tf.json")))


def _manifest(directory: Path) -> Mapping[str, Path]:
    """Directories of installed modules by their key; empty before `init`."""
    try:
        data = (directory / _MANIFEST).read_bytes()
    except OSError:
        return {}
    try:
        manifest = msgspec.json.decode(data, type=_Manifest)
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"{directory / _MANIFEST}: {error}", remedy="terraform init"
        ) from error
    return {module.key: directory / module.dir for module in manifest.modules}


def _module(path: Path) -> _Module:
    """One file."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigurationError(f"{path} is larger than {FILE_BYTES_MAX} bytes")
        if path.name.endswith(".json"):
            return _from_json(msgspec.json.decode(path.read_bytes()))
        return _from_blocks(parse(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise ConfigurationError(f"configuration {path}: {error.strerror}") from error
    except (HclError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(
            f"configuration {path}: {error}", remedy="terraform validate"
        ) from error


def _merge(modules: Iterable[_Module]) -> _Module:
    """Files of one directory are one module."""
    ignored: dict[str, frozenset[str]] = {}
    calls: dict[str, str] = {}
    backend: Backend | None = None
    for module in modules:
        for address, names in module.ignored.items():  # an override file may repeat a resource
            ignored[address] = ignored.get(address, frozenset()) | names
        calls.update(module.calls)
        backend = module.backend or backend
    return _Module(ignored=ignored, backend=backend, calls=calls)


def _from_json(body: object) -> _Module:
    resources = (
        (kind, name, _json_ignores(resource))
        for kind, name, resource in _json_labelled(mapping(body).get("resource"))
    )
    return _Module(
        ignored={f"{kind}.{name}": ignored for kind, name, ignored in resources},
        backend=_json_backend(body),
        calls={
            name: text(mapping(call).get("source"))
            for one in listed(mapping(body).get("module"))
            for name, item in mapping(one).items()
            for call in listed(item)
        },
    )


def _json_labelled(value: object) -> Iterator[tuple[str, str, object]]:
    """Blocks with two labels; each level may be an object or a list of them."""
    for one in listed(value):
        for kind, named in mapping(one).items():
            for group in listed(named):
                for name, item in mapping(group).items():
                    yield from ((kind, name, block) for block in listed(item))


def _json_ignores(resource: object) -> frozenset[str]:
    return frozenset(
        word
        for lifecycle in listed(mapping(resource).get("lifecycle"))
        for name in strings(mapping(lifecycle).get("ignore_changes"))
        for word in _WORD.findall(name)
    )


def _json_backend(body: object) -> Backend | None:
    for terraform in listed(mapping(body).get("terraform")):
        for one in listed(mapping(terraform).get("backend")):
            for kind, settings in mapping(one).items():
                regions = [text(mapping(item).get("region")) for item in listed(settings)]
                return Backend(kind=kind, region="".join(regions))
        if "cloud" in mapping(terraform):
            return Backend(kind="cloud", region="")
    return None


def _from_blocks(root: Block) -> _Module:
    backend: Backend | None = None
    ignored: dict[str, frozenset[str]] = {}
    calls: dict[str, str] = {}
    for block in root.blocks:
        match block.kind, block.labels:
            case "resource", (kind, name):
                ignored[f"{kind}.{name}"] = frozenset(
                    word
                    for inner in block.blocks
                    if inner.kind == "lifecycle"
                    for word in _WORD.findall(inner.attributes.get("ignore_changes", ""))
                )
            case "module", (name,):
                calls[name] = _literal(block.attributes.get("source", ""))
            case "terraform", ():
                backend = _backend(block) or backend
            case _:
                pass
    return _Module(ignored=ignored, backend=backend, calls=calls)


def _backend(terraform: Block) -> Backend | None:
    for block in terraform.blocks:
        if block.kind == "backend" and block.labels:
            region = _literal(block.attributes.get("region", ""))
            return Backend(kind=block.labels[0], region=region)
        if block.kind == "cloud":
            return Backend(kind="cloud", region="")
    return None


def _literal(expression: str) -> str:
    """A string without interpolations; "" for anything else."""
    matched = _LITERAL.fullmatch(expression)
    return matched[1] if matched else ""
