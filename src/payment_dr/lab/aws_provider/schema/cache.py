"""Schemas are read from the bindings once: the answer made of them is kept in the user's cache.

The file's name says which bindings and which code made it.
"""

import hashlib
import importlib
import importlib.util
from pathlib import Path
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.aws_provider.kept_file import kept

_BINDINGS: Final = "cdktn_provider_aws"
_MAKER: Final = "payment_dr.lab.aws_provider.schema.making"
_NAME_DIGITS: Final = 16


def answer() -> bytes:
    """The answer to GetSchema for the installed bindings; about 3 s the first time, then 5 ms.

    Raises:
        PaymentDrError: the bindings are not installed.
        OSError: the cache directory cannot be written.
    """
    bindings = archive()

    def make() -> bytes:
        # Imported where it is needed: what reads the bindings takes longer to import than a kept
        # answer takes to read, and Terraform starts this several times for each command.
        made: bytes = importlib.import_module(_MAKER).make(bindings)
        return made

    return kept(_name(bindings), make)


def archive() -> Path:
    """The archive of generated code in the installed bindings.

    They are found, not imported: importing them starts Node.

    Raises:
        PaymentDrError: they are not installed, or hold no archive.
    """
    found = importlib.util.find_spec(_BINDINGS)
    places = list(found.submodule_search_locations or ()) if found is not None else []
    archives = [path for place in places for path in Path(place).glob("_jsii/*.tgz")]
    if not archives:
        raise PaymentDrError(
            "the bindings of the aws provider are not installed", remedy="make setup-infra"
        )
    return archives[0]


def _name(bindings: Path) -> str:
    """Named after the archive, whose own name has its version, and the code that reads it."""
    package = Path(__file__).parents[1]
    code = hashlib.sha256()
    for each in sorted((*package.glob("schema/*.py"), *package.glob("wire/*.py"))):
        code.update(each.read_bytes())
    return f"{bindings.name.removesuffix('.tgz')}-{code.hexdigest()[:_NAME_DIGITS]}.schemas"
