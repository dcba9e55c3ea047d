"""Writes docs/reference/schemas/: a JSON schema of a line of each file of a run directory."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import fields

from payment_dr.checks.evidence import (
    Event,
    HistoryLine,
    PaymentRow,
    PostingRow,
    ProviderRow,
    Reconciliation,
    RunFacts,
)
from payment_dr.report.model import Comparison, Report

FOLDER: Final = Path(__file__).parent / "reference" / "schemas"

_FILES: Final[dict[str, type[msgspec.Struct]]] = {
    "history": HistoryLine,
    "provider": ProviderRow,
    "payments": PaymentRow,
    "moves": Reconciliation,
    "events": Event,
    "run": RunFacts,
    "report": Report,
    "comparison": Comparison,
}


def schemas() -> dict[str, dict[str, Any]]:
    """Schemas by file name."""
    made = {name: msgspec.json.schema(row_type) for name, row_type in _FILES.items()}
    made["ledger"] = _ledger()
    return {
        f"{name}.schema.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": name,
            **schema,
        }
        for name, schema in made.items()
    }


def _ledger() -> dict[str, Any]:
    """Of a row of ledger.csv as an object; in the file each value is text without quotes."""
    kinds = {field.name: field.type for field in fields(PostingRow)}
    return {
        "description": PostingRow.__doc__,
        "type": "object",
        "properties": {
            name: {"type": "integer" if kind is int else "string"} for name, kind in kinds.items()
        },
        "required": list(kinds),
        "additionalProperties": False,
    }


def text(schema: dict[str, Any]) -> str:
    """As it is in its file."""
    return json.dumps(schema, indent=2) + "\n"


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / name).write_text(text(schema), encoding="utf-8")
        sys.stderr.write(f"wrote {name}\n")


if __name__ == "__main__":
    main()
