"""PDR4xx: functions that exist, are ready and are real at both sites."""

import re
from collections.abc import Iterator
from typing import Final

from payment_dr.lint.facts.sites import twins
from payment_dr.lint.finding import Observation, Severity, found
from payment_dr.lint.resource import Resource
from payment_dr.lint.rule import Rule
from payment_dr.lint.rules.reachability import PRIVATE_FUNCTION
from payment_dr.lint.subject import Subject

_PLACEHOLDER: Final = re.compile(r"placeholder|dummy|stub|sample|hello|empty|todo", re.IGNORECASE)
_ARCHIVE_BYTES_MIN: Final = 1024


def _one_site(subject: Subject) -> Iterator[Observation]:
    if len(subject.sites) <= 1:
        return
    for name, group in twins(subject.plan.of("aws_lambda_function"), "function_name").items():
        missing = [site for site in subject.sites if site not in {one.region for one in group}]
        if missing:
            yield found(
                group[0], f"has no counterpart in {', '.join(missing)} (looked for {name!r})"
            )


ONE_SITE: Final = Rule(
    rule_id="PDR402",
    name="function-at-one-site",
    title="Function that exists at one site only",
    severity=Severity.ERROR,
    why="What is deployed at home alone stops with home, and cannot be deployed in a hurry: that "
    "needs a pipeline, a state and often a control plane of the lost region.",
    looks_at="With two sites or more: functions by their name without region, place and role words "
    "(us-west-2, usw2, west, primary, dr, ...) must exist in the region of every site.",
    remedy="Declare the function once and create it at each site, from one module or construct.",
    check=_one_site,
)


def _unequal(subject: Subject) -> Iterator[Observation]:
    provisioned = subject.plan.referring(
        "aws_lambda_provisioned_concurrency_config", "function_name"
    )
    for group in twins(subject.plan.of("aws_lambda_function"), "function_name").values():
        if len({one.region for one in group}) <= 1:
            continue
        first = group[0]
        for other in group[1:]:
            differs = [
                f"{what} {theirs:g} against {ours:g}"
                for what, ours, theirs in zip(
                    ("reserved concurrency", "provisioned concurrency", "memory"),
                    _capacity(first, provisioned.get(first, [])),
                    _capacity(other, provisioned.get(other, [])),
                    strict=True,
                )
                if ours != theirs
            ]
            if differs:
                yield found(other, f"has {', '.join(differs)} of {first.address}")


def _capacity(function: Resource, provisioned: list[Resource]) -> tuple[float, float, float]:
    return (
        function.number("reserved_concurrent_executions", -1),
        sum(one.number("provisioned_concurrent_executions", 0) for one in provisioned),
        function.number("memory_size", 128),
    )


UNEQUAL: Final = Rule(
    rule_id="PDR403",
    name="unequal-concurrency",
    title="Same function with less room at the other site",
    severity=Severity.WARNING,
    why="A standby that must scale before it serves is not a standby: the whole load arrives "
    "within one TTL, and concurrency that was never reserved is taken by everybody "
    "who fails over too.",
    looks_at="Reserved and provisioned concurrency and memory of functions with the same name at "
    "two sites.",
    remedy="Use the same figures at both sites, from one variable.",
    check=_unequal,
)


def _placeholder(subject: Subject) -> Iterator[Observation]:
    for function in subject.plan.of("aws_lambda_function"):
        problem = _package_problem(subject, function)
        if problem:
            yield found(function, problem)


def _package_problem(subject: Subject, function: Resource) -> str:
    """What gives a package away as no real one, or ""."""
    for archive in subject.plan.targets(function, "filename").resources:
        if archive.kind == "archive_file":
            if archive.is_set("source_content") or archive.blocks("source"):
                return f"is zipped from text inside {archive.address}"
            size = archive.number("output_size", _ARCHIVE_BYTES_MIN)
            if size < _ARCHIVE_BYTES_MIN:
                return f"has a package of {size:g} bytes"
    for name in (function.text("filename"), function.text("s3_key")):
        if _PLACEHOLDER.search(name.rsplit("/", 1)[-1]):
            return f"has the package {name}"
    hashed = function.is_set("source_code_hash") or function.is_set("code_sha256")
    if function.text("handler") == "index.handler" and function.is_set("filename") and not hashed:
        return "has the handler index.handler and a package without source_code_hash"
    return ""


PLACEHOLDER: Final = Rule(
    rule_id="PDR404",
    name="placeholder-package",
    title="Placeholder instead of the function's code",
    severity=Severity.ERROR,
    why="Infrastructure with a placeholder passes every check and takes no payment; the day it is "
    "found out is the day of the failover.",
    looks_at="Packages named placeholder, dummy, stub, sample, hello, empty or todo; zipped from "
    "text in the configuration or smaller than 1 KiB (archive_file); handler index.handler without "
    "a hash of the package.",
    remedy="Build the real package before the plan and set filename and source_code_hash from it; "
    "use the same bytes at both sites.",
    check=_placeholder,
)

RULES: Final = (PRIVATE_FUNCTION, ONE_SITE, UNEQUAL, PLACEHOLDER)
