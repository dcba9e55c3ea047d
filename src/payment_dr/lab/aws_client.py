"""boto3 clients of the lab itself, for one region's endpoint of the emulator."""

from typing import Any, Final

import boto3
from botocore.config import Config

from payment_dr.lab.addresses import Addresses
from payment_dr.lab.aws_resources import ACCESS_KEY
from payment_dr.lab.function_environment import aws_endpoint

_TIMEOUT_S: Final = 2.0


def regional_client(
    addresses: Addresses, service: str, region: str, *, timeout_s: float = _TIMEOUT_S
) -> Any:
    """A client whose calls answer or fail in that time; `service` is boto3's name for it."""
    session: Any = boto3.session.Session(
        aws_access_key_id=ACCESS_KEY, aws_secret_access_key=ACCESS_KEY
    )
    return session.client(
        service,
        region_name=region,
        endpoint_url=aws_endpoint(addresses, region),
        config=Config(
            connect_timeout=1,
            read_timeout=timeout_s,
            retries={"total_max_attempts": 1, "mode": "standard"},
            s3={"addressing_style": "path"},
        ),
    )
