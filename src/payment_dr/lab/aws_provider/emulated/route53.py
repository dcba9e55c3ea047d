"""Zones, records and health checks of Route 53, a service of no region."""

import secrets
from typing import Any, Final

from payment_dr.lab.aws_provider.emulated.resource import (
    Emulated,
    Job,
    Types,
    first,
    picked,
)
from payment_dr.lab.aws_provider.wire.values import Object

_REFERENCE_BYTES: Final = 8


def _client(job: Job) -> Any:
    return job.client("route53")


def _create_zone(job: Job) -> Object:
    comment = job.given(Comment="comment")
    made = _client(job).create_hosted_zone(
        Name=job.state["name"],
        CallerReference=secrets.token_hex(_REFERENCE_BYTES),
        **({"HostedZoneConfig": comment} if comment else {}),
    )
    return _zone(made)


def _zone(found: Any) -> Object:
    zone = found["HostedZone"]["Id"].removeprefix("/hostedzone/")
    servers = sorted(found["DelegationSet"]["NameServers"])
    return {
        "id": zone,
        "zone_id": zone,
        "arn": f"arn:aws:route53:::hostedzone/{zone}",
        "name_servers": servers,
        "primary_name_server": servers[0],
    }


def _read_zone(job: Job) -> Object:
    return _zone(_client(job).get_hosted_zone(Id=job.state["id"]))


def _delete_zone(job: Job) -> None:
    _client(job).delete_hosted_zone(Id=job.state["id"])


def find_zone(job: Job) -> Object:
    """The zone that a data source names, if the emulator has it."""
    if job.state.get("zone_id"):
        return _zone(_client(job).get_hosted_zone(Id=job.state["zone_id"]))
    name = f"{job.state['name'].rstrip('.')}."
    zones = _client(job).list_hosted_zones_by_name(DNSName=name)["HostedZones"]
    found = next((each for each in zones if each["Name"] == name), None)
    return {} if found is None else _zone(_client(job).get_hosted_zone(Id=found["Id"]))


def _record_set(job: Job) -> dict[str, Any]:
    alias = first(job.arguments, "alias")
    target = picked(alias, DNSName="name", HostedZoneId="zone_id")
    if target:
        target["EvaluateTargetHealth"] = bool(alias.get("evaluate_target_health"))
    values = [{"Value": value} for value in job.given(of="records").get("of", [])]
    return {
        "Name": _full_name(job),
        **job.given(
            Type="type",
            TTL="ttl",
            SetIdentifier="set_identifier",
            HealthCheckId="health_check_id",
        ),
        **picked(first(job.arguments, "failover_routing_policy"), Failover="type"),
        **picked(first(job.arguments, "latency_routing_policy"), Region="region"),
        **picked(first(job.arguments, "weighted_routing_policy"), Weight="weight"),
        **({"ResourceRecords": values} if values else {}),
        **({"AliasTarget": target} if target else {}),
    }


def _full_name(job: Job) -> str:
    """Names may be given without the zone's own."""
    zone = _client(job).get_hosted_zone(Id=job.state["zone_id"])["HostedZone"]["Name"].rstrip(".")
    name = job.state["name"].rstrip(".")
    return name if name == zone or name.endswith(f".{zone}") else f"{name}.{zone}"


def _change(job: Job, action: str) -> Object:
    records = _record_set(job)
    _client(job).change_resource_record_sets(
        HostedZoneId=job.state["zone_id"],
        ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": records}]},
    )
    parts = (job.state["zone_id"], job.state["name"], job.state["type"])
    named = [*parts, *job.given(of="set_identifier").values()]
    return {"id": "_".join(named), "fqdn": records["Name"]}


def _put_record(job: Job) -> Object:
    return _change(job, "UPSERT")


def _delete_record(job: Job) -> Object:
    return _change(job, "DELETE")


def _read_record(job: Job) -> Object | None:
    wanted = _record_set(job)
    found = _client(job).list_resource_record_sets(
        HostedZoneId=job.state["zone_id"],
        StartRecordName=wanted["Name"],
        StartRecordType=wanted["Type"],
    )["ResourceRecordSets"]
    same = ("Type", "SetIdentifier")
    there = any(
        each["Name"].rstrip(".") == wanted["Name"]
        and all(each.get(key) == wanted.get(key) for key in same)
        for each in found
    )
    return {"fqdn": wanted["Name"]} if there else None


def _health_check(job: Job) -> dict[str, Any]:
    alarm = job.given(Name="cloudwatch_alarm_name", Region="cloudwatch_alarm_region")
    return {
        **job.given(
            IPAddress="ip_address",
            Port="port",
            ResourcePath="resource_path",
            FullyQualifiedDomainName="fqdn",
            SearchString="search_string",
            FailureThreshold="failure_threshold",
            Inverted="invert_healthcheck",
            Disabled="disabled",
            HealthThreshold="child_health_threshold",
            ChildHealthChecks="child_healthchecks",
            EnableSNI="enable_sni",
            Regions="regions",
            InsufficientDataHealthStatus="insufficient_data_health_status",
        ),
        **({"AlarmIdentifier": alarm} if alarm else {}),
    }


def _create_check(job: Job) -> Object:
    fixed = job.given(
        Type="type", RequestInterval="request_interval", MeasureLatency="measure_latency"
    )
    made = _client(job).create_health_check(
        CallerReference=secrets.token_hex(_REFERENCE_BYTES),
        HealthCheckConfig={**fixed, **_health_check(job)},
    )
    identifier = made["HealthCheck"]["Id"]
    if job.tags():
        _client(job).change_tags_for_resource(
            ResourceType="healthcheck", ResourceId=identifier, AddTags=job.tags()
        )
    chosen = picked(
        made["HealthCheck"]["HealthCheckConfig"],
        failure_threshold="FailureThreshold",
        enable_sni="EnableSNI",
    )
    return {
        "id": identifier,
        "arn": f"arn:aws:route53:::healthcheck/{identifier}",
        **chosen,
    }


def _read_check(job: Job) -> Object:
    _client(job).get_health_check(HealthCheckId=job.state["id"])
    return {}


def _update_check(job: Job) -> Object:
    _client(job).update_health_check(HealthCheckId=job.state["id"], **_health_check(job))
    return {}


def _delete_check(job: Job) -> None:
    _client(job).delete_health_check(HealthCheckId=job.state["id"])


TYPES: Final[Types] = {
    "aws_route53_health_check": Emulated(
        create=_create_check, read=_read_check, update=_update_check, delete=_delete_check
    ),
    "aws_route53_record": Emulated(
        create=_put_record, read=_read_record, update=_put_record, delete=_delete_record
    ),
    "aws_route53_zone": Emulated(create=_create_zone, read=_read_zone, delete=_delete_zone),
}
