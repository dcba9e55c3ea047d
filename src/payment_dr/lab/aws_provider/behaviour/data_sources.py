"""What stacks look up and cannot do with just any value."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from payment_dr.lab.aws_provider.behaviour.settings import ProviderSettings, region_of
from payment_dr.lab.aws_provider.wire.values import Object

_LETTERS: Final = "abc"
_PARTITION: Final = "aws"
_SUFFIX: Final = "amazonaws.com"
_SERVERS: Final = 4
_ZONE_DIGITS: Final = 14


def known_data(type_name: str, config: Object, settings: ProviderSettings) -> Object:
    """Sensible values of a data source; nothing for those that can be invented."""
    return _KNOWN.get(type_name, _nothing)(config, settings)


def _nothing(_config: Object, _settings: ProviderSettings) -> Object:
    return {}


def _caller(_config: Object, settings: ProviderSettings) -> Object:
    account = settings.account
    user = f"arn:{_PARTITION}:iam::{account}:user/stand-in"
    return {"account_id": account, "id": account, "arn": user, "user_id": "AIDASTANDIN"}


def _region(config: Object, settings: ProviderSettings) -> Object:
    region = region_of(config, settings)
    return {"name": region, "id": region, "endpoint": f"ec2.{region}.{_SUFFIX}"}


def _partition(_config: Object, _settings: ProviderSettings) -> Object:
    return {
        "partition": _PARTITION,
        "id": _PARTITION,
        "dns_suffix": _SUFFIX,
        "reverse_dns_prefix": "com.amazonaws",
    }


def _zones(config: Object, settings: ProviderSettings) -> Object:
    region = region_of(config, settings)
    names = [f"{region}{letter}" for letter in _LETTERS]
    ids = [f"{region}-az{number}" for number in range(1, len(_LETTERS) + 1)]
    return {"id": region, "names": names, "zone_ids": ids, "group_names": [region]}


def _certificate(config: Object, settings: ProviderSettings) -> Object:
    place = f"{region_of(config, settings)}:{settings.account}"
    arn = f"arn:{_PARTITION}:acm:{place}:certificate/{config.get('domain')}"
    return {"arn": arn, "id": arn, "status": "ISSUED"}


def _zone(config: Object, _settings: ProviderSettings) -> Object:
    name = config.get("name") or "invented.example"
    digits = hashlib.sha256(name.encode()).hexdigest()[:_ZONE_DIGITS].upper()
    zone = config.get("zone_id") or f"Z{digits}"
    servers = [f"ns-{number}.invented.example" for number in range(_SERVERS)]
    return {"name": name, "zone_id": zone, "id": zone, "name_servers": servers}


_KNOWN: Final[Mapping[str, Callable[[Object, ProviderSettings], Object]]] = {
    "aws_acm_certificate": _certificate,
    "aws_availability_zones": _zones,
    "aws_caller_identity": _caller,
    "aws_partition": _partition,
    "aws_region": _region,
    "aws_route53_zone": _zone,
}
