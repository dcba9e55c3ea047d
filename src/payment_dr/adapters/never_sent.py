"""Which failures of an HTTP call by urllib3 mean that the server has certainly not seen it."""

from typing import Final

from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

NEVER_SENT: Final = (ConnectTimeoutError, NameResolutionError, NewConnectionError)
"""No connection came about. After any other failure the request may have taken effect."""
