"""PDR3xx: how clients find the surviving site, and how long that takes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from payment_dr.lint.finding import Observation, Severity, found
from payment_dr.lint.resource import Resource
from payment_dr.lint.rule import Rule
from payment_dr.lint.subject import Subject
from payment_dr.lint.values import strings

_ENTRY_KINDS: Final = frozenset(
    {
        "aws_apigatewayv2_domain_name",
        "aws_apigatewayv2_api",
        "aws_api_gateway_domain_name",
        "aws_api_gateway_rest_api",
        "aws_lb",
        "aws_alb",
        "aws_elb",
        "aws_lambda_function_url",
        "aws_eip",
        "aws_instance",
    }
)
_ENTRY_NAMES: Final = (".execute-api.", ".elb.", ".lambda-url.")
_POLICIES: Final = (
    "weighted_routing_policy",
    "latency_routing_policy",
    "geolocation_routing_policy",
    "geoproximity_routing_policy",
)
_CHANGES_RECORDS: Final = frozenset({"route53:ChangeResourceRecordSets", "route53:*"})


def _is_entry(subject: Subject, record: Resource) -> bool:
    """Whether a record leads clients to an API or a load balancer."""
    nodes = [record, *record.blocks("alias")]
    named = strings([[one.known("name"), one.known("records")] for one in nodes[1:] or nodes])
    if any(part in name for name in named for part in _ENTRY_NAMES):
        return True
    targets = [
        target
        for name in ("records", "alias")
        for target in subject.plan.targets(record, name).resources
    ]
    return any(target.kind in _ENTRY_KINDS for target in targets)


def _is_checked(record: Resource) -> bool:
    return record.is_set("health_check_id") or any(
        alias.may_be_true("evaluate_target_health") for alias in record.blocks("alias")
    )


def _failover_type(record: Resource) -> str:
    return next((one.text("type") for one in record.blocks("failover_routing_policy")), "")


def _problem(records: Sequence[Resource]) -> str:
    """Why a name does not move by itself, or ""."""
    types = {_failover_type(record) for record in records}
    if "PRIMARY" in types or "SECONDARY" in types:
        return _failover_problem(records, types)
    routed = [
        record
        for record in records
        if record.is_true("multivalue_answer_routing_policy")
        or any(record.blocks(policy) for policy in _POLICIES)
    ]
    if len(routed) < len(records) or len(records) == 1:
        return "is the only answer for its name: moving it means changing a record in the failover"
    if not all(_is_checked(record) for record in routed):
        return "is routed without a health check: it goes on answering with the lost site"
    return ""


def _failover_problem(records: Sequence[Resource], types: set[str]) -> str:
    if not {"PRIMARY", "SECONDARY"} <= types:
        return f"is {'/'.join(sorted(types))} without its counterpart"
    if not all(_is_checked(one) for one in records if _failover_type(one) == "PRIMARY"):
        return "is PRIMARY without a health check: Route 53 never turns away from it"
    return ""


def _leading(subject: Subject) -> dict[str, list[Resource]]:
    """Records that lead clients to a site, by their name; some by the name of another of them."""
    names: defaultdict[str, list[Resource]] = defaultdict(list)
    others: list[Resource] = []
    for record in subject.plan.of("aws_route53_record"):
        if _is_entry(subject, record):
            names[record.text("name") or record.address].append(record)
        else:
            others.append(record)
    entries = frozenset(names)
    for record in others:
        if any(value.rstrip(".") in entries for value in strings(record.known("records"))):
            names[record.text("name") or record.address].append(record)
    return names


def _record_change(subject: Subject) -> Iterator[Observation]:
    if len(subject.sites) <= 1:
        return
    names = _leading(subject)
    problems = {name: _problem(records) for name, records in names.items()}
    moves = any(len(names[name]) > 1 and not problem for name, problem in problems.items())
    for name, problem in problems.items():
        # Once a name moves by itself, names that lead to one site are the sites' own.
        if problem and not (moves and len(names[name]) == 1):
            yield found(names[name][0], f"({name}) {problem}")


RECORD_CHANGE: Final = Rule(
    rule_id="PDR301",
    name="dns-needs-a-record-change",
    title="A failover would have to change a DNS record",
    severity=Severity.ERROR,
    why="Changing records is a control-plane call of Route 53, which runs in us-east-1 alone: it "
    "fails exactly when that region does. Pre-made failover records with health checks move by the "
    "data plane, which answers from everywhere.",
    looks_at="With two sites or more: records that lead to an API, a load balancer or a public "
    "address. Fine are PRIMARY and SECONDARY of which the first has a health check, or several "
    "weighted, latency, geographic or multivalue records that all have one.",
    remedy="Create both failover records beforehand, with a health check on each site's /health; "
    "in a failover change the health, never the record.",
    check=_record_change,
)


def _too_slow(subject: Subject) -> Iterator[Observation]:
    for record in subject.plan.of("aws_route53_record"):
        if not record.is_set("health_check_id") or _failover_type(record) == "SECONDARY":
            continue
        checks = subject.plan.targets(record, "health_check_id").of("aws_route53_health_check")
        for check in checks:
            seconds, sum_of = _detection_s(subject, check)
            ttl = 60.0 if record.blocks("alias") else record.number("ttl", 300)
            if seconds + ttl > subject.acceptance_s:
                yield found(
                    record,
                    f"moves after {sum_of} + {'alias ' if record.blocks('alias') else ''}TTL "
                    f"{ttl:g} s = {seconds + ttl:g} s, the objective is {subject.acceptance_s:g} s",
                )


def _detection_s(subject: Subject, check: Resource) -> tuple[float, str]:
    """Longest time until a health check turns, and the sum it comes from."""
    seen: set[Resource] = set()
    todo, slowest = [check], (0.0, "probes 0 s")
    while todo:
        one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        kind = one.text("type")
        if kind == "CALCULATED":
            children = subject.plan.targets(one, "child_healthchecks").of(
                "aws_route53_health_check"
            )
            probes = [c for c in children if c.text("type") not in ("CLOUDWATCH_METRIC", "")]
            todo += probes or children
            continue
        interval, threshold = one.number("request_interval", 30), one.number("failure_threshold", 3)
        if kind == "CLOUDWATCH_METRIC":
            alarms = subject.plan.targets(one, "cloudwatch_alarm_name").of(
                "aws_cloudwatch_metric_alarm"
            )
            if not alarms:
                continue
            interval = alarms[0].number("period", 60)
            threshold = alarms[0].number("evaluation_periods", 1)
        sum_of = f"probes {interval:g} s x {threshold:g}"
        slowest = max(slowest, (interval * threshold, sum_of))
    return slowest


TOO_SLOW: Final = Rule(
    rule_id="PDR302",
    name="dns-slower-than-objective",
    title="Probes and TTL take longer than the objective",
    severity=Severity.ERROR,
    why="A client keeps going to the lost site until `threshold` probes failed, one each interval, "
    "and then for as long as its resolver keeps the answer. 30 s x 3 is 90 s before anything "
    "moves; an alias record takes the TTL of the service it points to, 60 s.",
    looks_at="Records with a health check (SECONDARY ones aside): interval x threshold + TTL "
    "against --objective-acceptance-s. Calculated checks count by their slowest probe, checks of "
    "an alarm by period x evaluation periods.",
    remedy="Use request_interval = 10 with a low failure_threshold, and a CNAME with a TTL of 10 s "
    "instead of an alias; or state an objective that can be met.",
    check=_too_slow,
)


def _alias_only(subject: Subject) -> Iterator[Observation]:
    for record in subject.plan.of("aws_route53_record"):
        for alias in record.blocks("alias"):
            if not alias.may_be_true("evaluate_target_health") or record.is_set("health_check_id"):
                continue
            kinds = {target.kind for target in subject.plan.targets(record, "alias").resources}
            if any(kind.startswith(("aws_apigatewayv2", "aws_api_gateway")) for kind in kinds):
                yield found(record, "is judged by the health of API Gateway alone")


ALIAS_ONLY: Final = Rule(
    rule_id="PDR303",
    name="alias-health-of-api-gateway",
    title="Failover on the health of API Gateway instead of the service",
    severity=Severity.WARNING,
    why="evaluate_target_health on an alias to API Gateway follows the AWS service: a site whose "
    "functions, database or table are gone still counts as healthy, and DNS stays with it.",
    looks_at="Alias records to an API Gateway domain with evaluate_target_health and without a "
    "health check of their own.",
    remedy="Add an aws_route53_health_check on the site's own /health and refer to it.",
    check=_alias_only,
)


def _edits_records(subject: Subject) -> Iterator[Observation]:
    for kind, attribute in (("aws_lambda_function", "role"), ("aws_sfn_state_machine", "role_arn")):
        for machine in subject.plan.of(kind):
            for role in subject.plan.targets(machine, attribute).of("aws_iam_role"):
                for policy, statements in subject.policies.of_role(role):
                    if any(_CHANGES_RECORDS & set(one.actions) for one in statements or ()):
                        yield found(
                            machine, f"may change DNS records, by {policy.address} of its role"
                        )


EDITS_RECORDS: Final = Rule(
    rule_id="PDR304",
    name="failover-edits-records",
    title="Automation that changes DNS records",
    severity=Severity.ERROR,
    why="A function that moves traffic by changing records needs the control plane of Route 53, "
    "in us-east-1: when that region is lost, so is the failover.",
    looks_at="Roles of functions and state machines whose policies allow "
    "route53:ChangeResourceRecordSets.",
    remedy="Let health checks move traffic: an inverted check of an address at which the surviving "
    "site says so, or one of an alarm in its region. Remove the permission.",
    check=_edits_records,
)

RULES: Final = (RECORD_CHANGE, TOO_SLOW, ALIAS_ONLY, EDITS_RECORDS)
