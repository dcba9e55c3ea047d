"""What schemathesis is told of this API that OpenAPI cannot say; loaded by name from its settings.

JSON Schema takes 12.0 for an integer. The API does not: whoever sends it counts money in floats.
"""

from typing import Any

import schemathesis


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """The same body, its whole floats as integers."""
    if isinstance(body, dict):
        return {name: _integral(value) for name, value in body.items()}
    return body


def _integral(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
