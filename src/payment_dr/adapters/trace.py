"""The trace that this call of a function belongs to, passed on to whoever is asked over HTTP.

Lambda says it in a variable before each call; botocore passes it on to AWS by itself.
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from collections.abc import Mapping
from os import environ
from typing import Final

TRACE_HEADER: Final = "x-amzn-trace-id"
_VARIABLE: Final = "_X_AMZN_TRACE_ID"


def trace_headers(variables: Mapping[str, str] = environ) -> dict[str, str]:
    """The header that names the trace; empty where there is none."""
    trace = variables.get(_VARIABLE)
    return {TRACE_HEADER: trace} if trace else {}
