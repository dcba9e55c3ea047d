"""checkov over the stacks, in its own environment: what was written, and what was planned.

It sees more in the plan of stacks that were applied: policies that name a key are complete there.
It sees some in the configuration alone, e.g. query logs of a zone.
"""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from payment_dr.infra.local import CONFIGURATION
from policy.planned import PlannedStack, Stacks, made_once

CHECKOV: Final = Path(sys.prefix) / "policy" / "bin" / "checkov"
EXCEPTIONS: Final = Path(__file__).with_name("exceptions.toml")
_LONGEST_S: Final = 110
_FRAMEWORKS: Final = ("terraform_json", "terraform_plan")

PLANTED: Final = "planted"
FAULTS: Final[Mapping[str, Mapping[str, Mapping[str, object]]]] = {
    "aws_sqs_queue": {"open": {"name": "open"}},
    "aws_s3_bucket": {"open": {"bucket": "open"}},
    "aws_network_acl_rule": {
        "network_acls_application-99": {
            "network_acl_id": "acl-1",
            "rule_number": 1,
            "rule_action": "allow",
            "egress": False,
            "protocol": "tcp",
            "from_port": 22,
            "to_port": 22,
            "cidr_block": "0.0.0.0/0",
        }
    },
}
"""Resources of the stack that is planted: a queue in clear, a bucket that may be made public, and
port 22 for everybody, by a list of which other failures are accepted."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Failure:
    """A check that a resource fails."""

    check: str
    stack: str
    resource: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AcceptedFailure:
    """Failures that are accepted, why, and by whom."""

    check: str
    resources: str
    reason: str
    owner: str

    def covers(self, failure: Failure) -> bool:
        return failure.check == self.check and fnmatchcase(failure.resource, self.resources)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """What checkov said; `passed` counts checks by its framework, `unread` files."""

    failures: frozenset[Failure]
    passed: Mapping[str, int]
    unread: int


def accepted() -> list[AcceptedFailure]:
    read = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))
    return [AcceptedFailure(**one) for one in read["exception"]]


def not_accepted(
    failures: Iterable[Failure], exceptions: Iterable[AcceptedFailure]
) -> list[Failure]:
    known = list(exceptions)
    return sorted(one for one in failures if not any(each.covers(one) for each in known))


def unused(
    failures: Iterable[Failure], exceptions: Iterable[AcceptedFailure]
) -> list[AcceptedFailure]:
    found = list(failures)
    return [each for each in exceptions if not any(each.covers(one) for one in found)]


def scanned(stacks: Stacks) -> Scan:
    """The stacks, and beside them as one more stack `PLANTED`; done once for all processes."""
    directory = stacks.root / "scanned"
    answer = directory / "answer.json"
    with made_once(directory) as make:
        if make:
            for name, stack in stacks.settled.items():
                _lay_out(directory / name, stack)
            (directory / PLANTED).mkdir()
            (directory / PLANTED / CONFIGURATION).write_text(json.dumps({"resource": FAULTS}))
            answer.write_bytes(_scan(directory))
    return _read(json.loads(answer.read_bytes()))


def _lay_out(directory: Path, stack: PlannedStack) -> None:
    directory.mkdir()
    shutil.copyfile(stack.configuration_file, directory / CONFIGURATION)
    shutil.copyfile(stack.plan_file, directory / "plan.json")


def _scan(directory: Path) -> bytes:
    return subprocess.run(
        [
            str(CHECKOV),
            *("--directory", str(directory), "--framework", *_FRAMEWORKS),
            *("--skip-download", "--compact", "--quiet", "--soft-fail", "--output", "json"),
        ],
        capture_output=True,
        timeout=_LONGEST_S,
        check=True,
    ).stdout


def _read(reports: list[Mapping[str, Any]]) -> Scan:
    """One report for each framework."""
    return Scan(
        failures=frozenset(
            _failure(one) for report in reports for one in report["results"]["failed_checks"]
        ),
        passed={report["check_type"]: report["summary"]["passed"] for report in reports},
        unread=sum(report["summary"]["parsing_errors"] for report in reports),
    )


def _failure(told: Mapping[str, Any]) -> Failure:
    """Told as `TYPE.NAME` or `resource.NAME`: both frameworks tell the name."""
    return Failure(
        check=told["check_id"],
        stack=told["file_path"].split("/")[1],
        resource=told["resource"].rpartition(".")[2],
    )
