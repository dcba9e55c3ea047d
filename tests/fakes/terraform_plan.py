"""Plans in JSON from configurations in JSON syntax, for the root module and simple expressions.

What it makes of the rules' examples agrees with Terraform 1.15 in all that the rules read: values
that refer to other resources are unknown, and so are those that the provider computes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from payment_dr.lint.document import PlanDocument
from payment_dr.lint.plan import Plan

COMPUTED: Final[Mapping[str, tuple[str, ...]]] = {
    "aws_rds_cluster": ("kms_key_id", "storage_encrypted", "engine_version", "cluster_identifier"),
    "aws_rds_global_cluster": ("storage_encrypted", "engine_version"),
    "aws_security_group": ("ingress", "egress"),
}
_REFERENCE: Final = re.compile(
    r"(?:data\.|module\.|ephemeral\.)?[a-z_][\w-]*\.[\w-]+(?:\[[^\]]+\])?(?:\.[\w-]+(?:\[\d+\])?)*"
)
_WHOLE: Final = re.compile(r"\$\{(var|count|each)\.([\w-]+)\}")


def plan(configuration: Mapping[str, Any]) -> Plan:
    """The plan of one configuration."""
    return Plan([document(configuration)])


def document(configuration: Mapping[str, Any], **top: object) -> PlanDocument:
    """The document of one configuration, with fields of the top level replaced."""
    return msgspec.convert({**plan_json(configuration), **top}, PlanDocument)


def plan_json(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The plan as `terraform show -json` prints it."""
    variables = {
        name: {"value": one.get("default")}
        for name, one in configuration.get("variable", {}).items()
    }
    planned: list[dict[str, Any]] = []
    read: list[dict[str, Any]] = []
    changes, declared = [], []
    for mode, key in (("managed", "resource"), ("data", "data")):
        for kind, named in configuration.get(key, {}).items():
            for name, body in named.items():
                declared.append(_declared(mode, kind, name, body))
                for resource, unknown in _instances(mode, kind, name, body, variables):
                    (planned if mode == "managed" else read).append(resource)
                    changes.append(
                        {"address": resource["address"], "change": {"after_unknown": unknown}}
                    )
    return {
        "format_version": "1.2",
        "terraform_version": "1.15.0",
        "variables": variables,
        "planned_values": {"root_module": {"resources": planned}},
        "prior_state": {"values": {"root_module": {"resources": read}}},
        "resource_changes": changes,
        "configuration": {
            "provider_config": _providers(configuration),
            "root_module": {"resources": declared},
        },
    }


def write(configuration: Mapping[str, Any]) -> bytes:
    """The plan as a file."""
    return json.dumps(plan_json(configuration)).encode()


def _providers(configuration: Mapping[str, Any]) -> dict[str, Any]:
    given = configuration.get("provider", {}).get("aws", {"region": "us-east-1"})
    made = {}
    for one in given if isinstance(given, list) else [given]:
        key = f"aws.{one['alias']}" if "alias" in one else "aws"
        made[key] = {"name": "aws", "expressions": {"region": _expression(one["region"])}}
    return made


def _declared(mode: str, kind: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    arguments = _arguments(body)
    made = {
        "address": f"{'data.' if mode == 'data' else ''}{kind}.{name}",
        "mode": mode,
        "type": kind,
        "name": name,
        "provider_config_key": body.get("provider", "aws"),
        "expressions": {key: _expression(value) for key, value in arguments.items()},
    }
    for key in ("count", "for_each"):
        if key in body:
            made[f"{key}_expression"] = _expression(body[key])
    return made


def _arguments(body: Mapping[str, Any]) -> dict[str, Any]:
    meta = ("provider", "lifecycle", "count", "for_each", "depends_on")
    return {key: value for key, value in body.items() if key not in meta}


def _instances(
    mode: str, kind: str, name: str, body: Mapping[str, Any], variables: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    keys: list[int | str | None] = [None]
    if "count" in body:
        keys = list(range(body["count"]))
    elif isinstance(body.get("for_each"), dict):
        keys = list(body["for_each"])
    for key in keys:
        values, unknown = {}, {"id": True, "arn": True}
        unknown |= dict.fromkeys(COMPUTED.get(kind, ()), True)
        for argument, value in _arguments(body).items():
            known, missing = _evaluate(value, key, variables)
            unknown.pop(argument, None)
            if known is not None:
                values[argument] = known
            if missing:
                unknown[argument] = missing
        address = f"{'data.' if mode == 'data' else ''}{kind}.{name}"
        index = {} if key is None else {"index": key}
        suffix = "" if key is None else f"[{json.dumps(key)}]"
        yield (
            {"address": address + suffix, "mode": mode, "type": kind, "name": name, **index}
            | {"values": values},
            unknown,
        )


def _evaluate(value: Any, key: object, variables: Mapping[str, Any]) -> tuple[Any, Any]:
    """The known part of a value, and where it is unknown."""
    if isinstance(value, str):
        whole = _WHOLE.fullmatch(value)
        if whole and whole[1] == "var":
            return variables[whole[2]]["value"], None
        if whole:
            return key, None
        return (None, True) if "${" in value else (value, None)
    if isinstance(value, list):
        parts = [_evaluate(item, key, variables) for item in value]
        missing = [part[1] or False for part in parts]
        return [part[0] for part in parts], missing if any(missing) else None
    if isinstance(value, dict):
        made = {name: _evaluate(item, key, variables) for name, item in value.items()}
        absent = {name: part[1] for name, part in made.items() if part[1]}
        return {name: part[0] for name, part in made.items() if part[0] is not None}, absent
    return value, None


def _expression(value: Any) -> Any:
    """Blocks are lists of objects; everything else is one expression."""
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return [{name: _expression(item) for name, item in block.items()} for block in value]
    references = list(_references(value))
    return {"references": references} if references else {"constant_value": value}


def _references(value: Any) -> Iterator[str]:
    for inside in re.findall(r"\$\{([^}]*)\}", json.dumps(value).replace('\\"', '"')):
        for reference in _REFERENCE.findall(inside):
            if "count.index]" in reference or "each.key]" in reference:
                head, _, tail = reference.partition("[")
                yield from (head, tail.partition("]")[0])
                continue
            yield from _with_shorter(reference)


def _with_shorter(reference: str) -> Iterator[str]:
    """`a.b[0].id`, `a.b[0]`, `a.b`, as Terraform lists them."""
    least = 2 if reference.startswith(("data.", "module.")) else 1
    rest = reference
    yield rest
    while rest.count(".") > least or "[" in rest:
        rest = rest[: max(rest.rfind("."), rest.rfind("["))]
        yield rest
