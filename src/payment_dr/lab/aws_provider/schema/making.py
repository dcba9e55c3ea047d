"""All schemas, read from the archive of generated JavaScript in the bindings."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from payment_dr.lab.aws_provider.schema.answer import answer_of
from payment_dr.lab.aws_provider.schema.model import Described
from payment_dr.lab.aws_provider.schema.reader import described_in
from payment_dr.lab.aws_provider.schema.script import script_of

_MODULE: Final = re.compile(r"package/lib/[^/]+/index\.js")


def make(bindings: Path) -> bytes:
    """The answer to GetSchema for an archive."""
    return answer_of(read(bindings))


def read(bindings: Path) -> Iterator[Described]:
    """Everything that an archive describes, in its order."""
    with tarfile.open(bindings) as files:
        for file in files:
            content = files.extractfile(file) if _MODULE.fullmatch(file.name) else None
            if content is not None:
                yield from described_in(script_of(content.read().decode()))
