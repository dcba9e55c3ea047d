"""Ports and ranges that the rules of a network name."""

from typing import Final

HTTPS_PORT: Final = 443
DNS_PORT: Final = 53
LEDGER_PORT: Final = 5432

EPHEMERAL_PORTS: Final = (1024, 65_535)
"""First and last port of answers; functions and NAT gateways use all of these.

Source: https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html, ephemeral ports.
"""

INTERNET: Final = "0.0.0.0/0"
