"""Logs as one JSON object a line on standard output.

Callers pass what belongs to the line in `extra={"fields": {...}}`: ids, states and durations, and
never keys, secrets or means of payment.
"""

import json
import logging
import sys
from typing import Any, Final

_FIELDS: Final = "fields"


class JsonFormatter(logging.Formatter):
    """One line per record; the time in Unix seconds."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logs() -> None:
    """Send everything of WARNING and above to standard output, and of our own from INFO."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    # Lambda has put a handler of its own there, which writes plain text.
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("payment_dr").setLevel(logging.INFO)
