"""The merchant's guides: every command and every block of Python is run, in one lab, in order.

A `console` block holds commands after `$ `, each followed by what it prints; a `python` block is
followed by a `text` block with what it prints, or prints nothing. Blocks of a page share variables,
and all pages what the shell exports. What differs from run to run (ids, keys, times, ports) is
made equal before outputs are compared. After `<!-- eventually -->` a block is run until it prints
what is written, since lists lag behind what was accepted.
"""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = (
    "tutorial/first-payment.md",
    "how-to/refunds.md",
    "how-to/webhooks.md",
    "explanation/idempotency.md",
    "explanation/ledger.md",
    "how-to/going-live.md",
)
"""The first begins the lab, the last ends it."""

PATIENCE_S: Final = 30.0
COMMAND_S: Final = 60.0
EVENTUALLY: Final = "<!-- eventually -->"
BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARYING: Final = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r"sk_test_[a-z2-7]{16}_[A-Za-z0-9_-]{43}", "<key>"),
    (r"whsec_[0-9a-f]{64}", "<secret>"),
    (r"we_[0-9a-z]+", "<endpoint>"),
    (r"\b[a-z2-7]{16}\b", "<key id>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<time>"),
    (r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?", "<time>"),
    (r"\b\d{10}(\.\d+)?\b", "<time>"),
    (r"\b127\.\d+\.\d+\.\d+:\d+", "<address>"),
    (r"\b\d+ payments,", "<some> payments,"),
    (r"\battempts=\d+", "attempts=<some>"),
    (r"shop\.example is not resolved: .*", "shop.example is not resolved: <why>"),
    (r"[ \t]+$", ""),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Something to run, and what it prints; `is_python` or else a command of the shell."""

    where: str
    source: str
    expected: str
    is_python: bool
    eventually: bool


class MismatchError(AssertionError):
    """A step printed something else."""


class Reader:
    """Somebody who does what the pages say, in a directory of their own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(directory),
            "COLUMNS": "80",
        }
        self.names: dict[str, Any] = {}

    def do(self, step: Step) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            printed = self._run(step)
            if alike(printed) == alike(step.expected):
                return
            if not step.eventually or time.monotonic() > deadline:
                raise MismatchError(f"{step.where} printed\n{printed}\nand not\n{step.expected}")

    def _run(self, step: Step) -> str:
        return self._python(step) if step.is_python else self._shell(step)

    def _python(self, step: Step) -> str:
        code = compile(step.source, step.where, "exec")
        printed = io.StringIO()
        with (
            patch.dict(os.environ, self.environment, clear=True),
            contextlib.chdir(self.directory),
            contextlib.redirect_stdout(printed),
        ):
            # pylint: disable-next=exec-used; the page's own
            exec(code, self.names)  # noqa: S102 - the page's own
        return printed.getvalue()

    def _shell(self, step: Step) -> str:
        if step.source.startswith("curl ") and shutil.which("curl") is None:
            return step.expected  # the same was done in Python just before
        kept = self.directory / "environment"
        done = subprocess.run(
            ["/bin/bash", "-c", f"{step.source}\ncode=$?; env -0 > {kept}; exit $code"],
            capture_output=True,
            text=True,
            cwd=self.directory,
            env=self.environment,
            timeout=COMMAND_S,
            check=False,
        )
        if done.returncode:
            return f"{done.stdout}{done.stderr}exit code {done.returncode}"
        pairs = (one.partition("=") for one in kept.read_text().split("\0") if one)
        self.environment = {name: value for name, _, value in pairs if name != "_"}
        return done.stdout


def alike(printed: str) -> str:
    for varying, called in VARYING:
        printed = re.sub(varying, called, printed, flags=re.MULTILINE)
    return printed.strip()


def steps(page: str, name: str) -> Iterator[Step]:
    blocks = [*BLOCK.finditer(page)]
    for number, block in enumerate(blocks):
        language, text = block[1], block[2]
        before = page[: block.start()].rstrip()
        eventually = before.endswith(EVENTUALLY)
        where = f"{name}:{page.count(chr(10), 0, block.start()) + 1}"
        if language == "console":
            for source, expected in commands(text):
                yield Step(
                    where=where,
                    source=source,
                    expected=expected,
                    is_python=False,
                    eventually=eventually,
                )
        elif language == "python":
            after = blocks[number + 1] if number + 1 < len(blocks) else None
            prints = after is not None and not page[block.end() : after.start()].strip()
            expected = after[2] if after and after[1] == "text" and prints else ""
            yield Step(
                where=where, source=text, expected=expected, is_python=True, eventually=eventually
            )
        else:
            assert language == "text", f"{where}: a block of {language or 'nothing'} is not run"


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Commands with what follows them; a line that ends in a backslash goes on in the next."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        match = re.match(r"(?:.*\\\n)*.*", part)
        assert match is not None
        yield match[0], part[match.end() :].lstrip("\n")


@pytest.fixture(name="reader")
def fixture_reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    try:
        yield reader
    finally:
        # Nothing when the last page has ended it.
        subprocess.run(
            ["payment-dr", "lab", "down", "--name", "shop"],
            env=reader.environment,
            capture_output=True,
            timeout=COMMAND_S,
            check=False,
        )


def test_every_block_of_the_guides_does_what_is_written(reader: Reader) -> None:
    for name in PAGES:
        reader.names = {"__name__": "guide"}
        for step in steps((DOCS / name).read_text(), name):
            reader.do(step)


PLANTED: Final[Mapping[str, str]] = {
    "python": "```python\nprint(1)\n```\n\n```text\n2\n```\n",
    "silent": "```python\nprint(1)\n```\n",
    "console": "```console\n$ echo one\n$ echo two\nthree\n```\n",
    "failing": "```console\n$ false\n```\n",
    "not-run": "```json\n{}\n```\n",
}


@pytest.mark.parametrize("page", PLANTED.values(), ids=PLANTED)
def test_a_page_that_says_something_wrong_is_found(page: str, tmp_path: Path) -> None:
    reader = Reader(tmp_path)

    def follow() -> None:
        for step in steps(page, "planted"):
            reader.do(step)

    with pytest.raises(AssertionError):
        follow()


def test_blocks_share_what_was_exported_and_what_varies_is_made_equal(tmp_path: Path) -> None:
    page = (
        "```console\n$ export WHO=\\\nyou\n$ echo $WHO at 127.0.0.1:1\nyou at 127.0.0.1:2\n```\n"
        "```python\nimport os\nprint(os.environ['WHO'])\n```\n```text\nyou\n```\n"
        f"{EVENTUALLY}\n```console\n$ echo x >> lines; cat lines\nx\nx\n```\n"
    )
    reader = Reader(tmp_path)
    for step in steps(page, "right"):
        reader.do(step)


def test_what_is_to_come_eventually_is_not_awaited_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PATIENCE_S", 0.0)
    (step,) = steps(f"{EVENTUALLY}\n```console\n$ echo one\ntwo\n```\n", "planted")
    with pytest.raises(MismatchError):
        Reader(tmp_path).do(step)
