"""Writes docs/reference/schemas/: a JSON schema of each file that people or programs read.

Of a run directory, of the evidence of moves and backups, and of what commands print as JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import fields
from pydantic import TypeAdapter

from payment_dr.adapters.report_chain import ChainLine
from payment_dr.checks.backup_documents import VERIFICATION_EVIDENCE
from payment_dr.checks.evidence import (
    Event,
    HistoryLine,
    PaymentRow,
    PostingRow,
    ProviderRow,
    Reconciliation,
    RunFacts,
)
from payment_dr.recovery.audit import AUDIT_ENTRY
from payment_dr.recovery.documents import (
    MOVE_EVIDENCE,
    READINESS_EVIDENCE,
    REBUILD_EVIDENCE,
    RECONCILIATION_EVIDENCE,
)
from payment_dr.recovery.evidence_chain import Problem
from payment_dr.recovery.move_report import MOVE_REPORT
from payment_dr.recovery.readiness_items import Item
from payment_dr.recovery.survey import Survey
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

_DOCUMENTS: Final[dict[str, TypeAdapter[Any]]] = {
    "chain": TypeAdapter(ChainLine),
    "move-report": MOVE_REPORT,
    "move": MOVE_EVIDENCE,
    "reconciliation": RECONCILIATION_EVIDENCE,
    "rebuild": REBUILD_EVIDENCE,
    "readiness": READINESS_EVIDENCE,
    "verification": VERIFICATION_EVIDENCE,
    "audit-entry": AUDIT_ENTRY,
    "status": TypeAdapter(Survey),
}


def schemas() -> dict[str, dict[str, Any]]:
    """Schemas by file name."""
    made = {name: msgspec.json.schema(row_type) for name, row_type in _FILES.items()}
    made["ledger"] = _ledger()
    made |= {name: _document(adapter) for name, adapter in _DOCUMENTS.items()}
    made["readiness-answer"] = _readiness_answer()
    made["audit"] = _audit()
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


def _document(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """Of a document as it is written, without further names anywhere."""
    made = adapter.json_schema(mode="serialization")
    for one in (made, *made.get("$defs", {}).values()):
        if "properties" in one:
            one.setdefault("additionalProperties", False)
    made.pop("title", None)
    return made


def _readiness_answer() -> dict[str, Any]:
    """What `payment-dr readiness --json` prints: the items, and whether each blocks."""
    item = _document(TypeAdapter(Item))
    definitions = item.pop("$defs")
    item["properties"]["blocks"] = {"type": "boolean"}
    item["required"].append("blocks")
    names = {"type": "array", "items": {"type": "string"}}
    return _object(
        {"site": {"type": "string"}, "blocking": names, "items": _list_of("Item")},
        definitions | {"Item": item},
        "Whether the standby could take over now, asked at `site`.",
    )


def _audit() -> dict[str, Any]:
    """What `payment-dr audit --json` prints: entries, and what contradicts the log."""
    entry, problem = _document(AUDIT_ENTRY), _document(TypeAdapter(Problem))
    definitions = entry.pop("$defs") | problem.pop("$defs")
    return _object(
        {"entries": _list_of("AuditEntry"), "problems": _list_of("Problem")},
        definitions | {"AuditEntry": entry, "Problem": problem},
        "Entries in their order, and everything that contradicts an append-only log.",
    )


def _list_of(definition: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/$defs/{definition}"}}


def _object(
    properties: dict[str, Any], definitions: dict[str, Any], description: str
) -> dict[str, Any]:
    return {
        "$defs": definitions,
        "additionalProperties": False,
        "description": description,
        "properties": properties,
        "required": list(properties),
        "type": "object",
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
