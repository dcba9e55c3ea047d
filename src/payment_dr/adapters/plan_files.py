"""Reads plans in JSON, and the examples that come with the rules.

Everything that can be wrong with a plan file is said with what to run instead.
"""

import codecs
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from payment_dr.core.errors import PaymentDrError
from payment_dr.lint.document import PlanDocument
from payment_dr.lint.values import mapping, text

BYTES_MAX: Final = 200 * 1024 * 1024
"""Largest plan; one of 500 resources has some two million."""

STANDARD_INPUT: Final = Path("-")

_MAKE_ONE: Final = "terraform show -json plan.bin > plan.json (or: tofu show -json ...)"
_POWERSHELL_ENCODINGS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class PlanError(PaymentDrError):
    """A file is no plan that can be judged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """Configurations in Terraform's JSON syntax: one that breaks a rule, one that keeps it."""

    failing: str
    passing: str


class _ExampleFile(msgspec.Struct, frozen=True, kw_only=True):
    failing: msgspec.Raw
    passing: msgspec.Raw


def read_plan(path: Path) -> PlanDocument:
    """A plan; from standard input when the path is `-`.

    Raises:
        PlanError: the file is missing, too large, no JSON, or no complete plan of format 1.x.
    """
    data = _utf8(path, _read(path))
    try:
        body = msgspec.json.decode(data)
        _refuse_other_files(path, body)
        document = msgspec.convert(body, PlanDocument)
    except msgspec.ValidationError as error:
        raise PlanError(f"{path} is no plan: {error}", remedy=_MAKE_ONE) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PlanError(f"{path} is no JSON: {error}", remedy=_MAKE_ONE) from error
    except RecursionError as error:
        raise PlanError(f"{path} is nested too deeply for a plan", remedy=_MAKE_ONE) from error
    if document.errored:
        raise PlanError(
            f"{path} is the plan of a run that failed (errored: true): it is incomplete",
            remedy="mend the error that `terraform plan` printed, then plan again",
        )
    return document


def example(rule_id: str) -> Examples:
    """The examples of a rule."""
    data = files("payment_dr.lint").joinpath("examples", f"{rule_id}.json").read_bytes()
    both = msgspec.json.decode(data, type=_ExampleFile)
    return Examples(failing=_pretty(both.failing), passing=_pretty(both.passing))


def _pretty(raw: msgspec.Raw) -> str:
    return msgspec.json.format(bytes(raw), indent=2).decode()


def _read(path: Path) -> bytes:
    try:
        if path == STANDARD_INPUT:
            data = sys.stdin.buffer.read(BYTES_MAX + 1)
        else:
            with path.open("rb") as file:
                data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise PlanError(f"plan {path}: {error.strerror}", remedy=_MAKE_ONE) from error
    if len(data) > BYTES_MAX:
        raise PlanError(
            f"plan {path} has more than {BYTES_MAX} bytes; at most {BYTES_MAX} are read",
            remedy="split the configuration, or plan one site at a time",
        )
    return data


def _utf8(path: Path, data: bytes) -> bytes:
    """The text in UTF-8: redirecting in PowerShell writes UTF-16 or a byte order mark."""
    if data.startswith(b"PK\x03\x04"):
        raise PlanError(
            f"{path} is a plan in Terraform's own binary format; plans in JSON are read",
            remedy=f"terraform show -json {path} > plan.json",
        )
    for mark, encoding in _POWERSHELL_ENCODINGS:
        if data.startswith(mark):
            try:
                return data.decode(encoding).encode()
            except UnicodeDecodeError as error:
                raise PlanError(f"{path} is no text: {error}", remedy=_MAKE_ONE) from error
    return data


def _refuse_other_files(path: Path, body: object) -> None:
    """Say which of Terraform's other JSON files was given."""
    document = mapping(body)
    version = text(document.get("format_version"))
    if "@level" in document:
        raise PlanError(
            f"{path} is the log of `terraform plan -json`; the plan itself is needed",
            remedy=f"terraform plan -out plan.bin && {_MAKE_ONE}",
        )
    if "planned_values" not in document and ("values" in document or "lineage" in document):
        raise PlanError(f"{path} is a state; a plan is needed", remedy=_MAKE_ONE)
    if version and version.split(".")[0] != "1":
        raise PlanError(
            f"{path} has format_version {version}; 1.x is read",
            remedy="plan with Terraform 1.1 or later, or OpenTofu",
        )
