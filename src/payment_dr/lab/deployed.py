"""What a deployment has put into a lab's cloud, read back for the processes that run it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from payment_dr.adapters.function_call import ALIAS
from payment_dr.core.settings import ProbeSettings, Settings
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.lab.addresses import Addresses
from payment_dr.lab.aws_client import regional_client
from payment_dr.lab.errors import LabError
from payment_dr.lab.function_environment import lab_addresses
from payment_dr.lab.network.routing import Routing

T = TypeVar("T")

_API: Final = "api"
_CALCULATED: Final = "CALCULATED"
_REMEDY: Final = "payment-dr lab deploy"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployedSite:
    """A site's functions as they were deployed.

    Attributes:
        environment: of all of them, with the lab's addresses instead of AWS's.
        api_handler: of the API, as `module:function`.
        api_timeout_s: its longest call, seconds.
    """

    environment: Mapping[str, str]
    api_handler: str
    api_timeout_s: float


def deployed_site(settings: Settings, addresses: Addresses, site: str) -> DeployedSite:
    """The functions of a site, from Lambda.

    Raises:
        LabError: one is missing, or they differ where one process cannot.
    """
    client = regional_client(addresses, "lambda", settings.site(site).region)
    found = {
        function.name: _function(client, settings.resource(function.name, site))
        for function in FUNCTIONS
    }
    overlay = lab_addresses(settings, addresses, site)
    environments = [{**each["Environment"]["Variables"], **overlay} for each in found.values()]
    api = found[_API]
    return DeployedSite(
        environment=_the_one(environments, f"environments of the functions at {site}"),
        api_handler=":".join(api["Handler"].rsplit(".", 1)),
        api_timeout_s=api["Timeout"],
    )


def deployed_routing(settings: Settings, addresses: Addresses) -> Routing:
    """How sites are probed and how long the answer may be kept, from Route 53.

    Raises:
        LabError: zone, records or health checks are missing, or differ between the sites.
    """
    home = settings.site(settings.home)
    client = regional_client(addresses, "route53", home.region)
    try:
        records = _failover_records(client, settings)
        checks = [
            check
            for record in records
            for check in _endpoint_checks(client, record["HealthCheckId"])
        ]
    except (BotoCoreError, ClientError, LookupError) as error:
        raise LabError(f"Route 53 lacks what was deployed: {error!r}", remedy=_REMEDY) from error
    probes = [
        ProbeSettings(interval_s=check["RequestInterval"], threshold=check["FailureThreshold"])
        for check in checks
    ]
    return Routing(
        probes=_the_one(probes, "health checks of the sites"),
        ttl_s=_the_one([record["TTL"] for record in records], "times to live of the records"),
    )


def _function(client: Any, name: str) -> Any:
    try:
        return client.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
    except (BotoCoreError, ClientError) as error:
        raise LabError(f"function {name} is not deployed: {error}", remedy=_REMEDY) from error


def _failover_records(client: Any, settings: Settings) -> list[Any]:
    zones = client.list_hosted_zones_by_name(DNSName=settings.dns.zone)["HostedZones"]
    zone = {each["Name"]: each["Id"] for each in zones}[f"{settings.dns.zone}."]
    pages = client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
    records = [record for page in pages for record in page["ResourceRecordSets"]]
    return [
        record
        for record in records
        if record["Name"] == f"{settings.dns.name}." and "Failover" in record
    ]


def _endpoint_checks(client: Any, check_id: str) -> list[Any]:
    """The checks of endpoints that a check consists of."""
    found = client.get_health_check(HealthCheckId=check_id)["HealthCheck"]["HealthCheckConfig"]
    if found["Type"] == _CALCULATED:
        children = [_endpoint_checks(client, child) for child in found["ChildHealthChecks"]]
        return [check for of_child in children for check in of_child]
    return [found] if "RequestInterval" in found else []


def _the_one(values: Iterable[T], what: str) -> T:
    """What all of them are."""
    different: list[T] = []
    for value in values:
        if value not in different:
            different.append(value)
    if len(different) != 1:
        raise LabError(f"{what} are not one and the same: {different}", remedy=_REMEDY)
    return different[0]
