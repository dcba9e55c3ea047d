"""PDR7xx: the way back does not lead through the failing region."""

import re
from collections.abc import Iterator
from typing import Final

from payment_dr.lint.configuration import Backend
from payment_dr.lint.facts.sites import SITE_KINDS, twins
from payment_dr.lint.finding import Found, NotJudged, Observation, Place, Severity, found
from payment_dr.lint.rule import Rule
from payment_dr.lint.subject import Subject

_RECOVERS: Final = re.compile(
    r"fail-?_?over|recover|switch-?_?over|fail-?_?back|promot", re.IGNORECASE
)
_MACHINES: Final = (
    ("aws_sfn_state_machine", "name"),
    ("aws_ssm_document", "name"),
    ("aws_codebuild_project", "name"),
)


def _state(subject: Subject) -> Iterator[Observation]:
    for number in range(subject.plan.plans):
        resources = [r for r in subject.plan.of(*SITE_KINDS) if r.plan == number]
        sites = list(dict.fromkeys(resource.region for resource in resources))
        module = subject.module_configuration(number, "")
        place = Place(address="terraform.backend", region=", ".join(sites), plan=number)
        if module is None:
            yield NotJudged(place=place, reason="the configuration given holds no root module")
            continue
        problem = _backend_problem(module.backend, sites)
        if problem:
            yield Found(place=place, text=problem)


def _backend_problem(backend: Backend | None, sites: list[str]) -> str:
    """What is wrong with where the state of these sites is kept, or ""."""
    if len(sites) > 1:
        return f"one state holds the sites in {', '.join(sites)}: with either away, no apply works"
    if backend is None or backend.kind == "local":
        return "state is a local file of whoever applied last"
    if sites and backend.region and backend.region != sites[0]:
        return f"state of the site in {sites[0]} is kept in {backend.region}"
    return ""


STATE: Final = Rule(
    rule_id="PDR701",
    name="state-in-the-failing-region",
    title="State that an outage of the other region makes unusable",
    severity=Severity.ERROR,
    why="Refresh and locking need every region in a state, and the bucket that holds it. One state "
    "for two regions, or a bucket in the other region, blocks every apply during the outage.",
    looks_at="The backend in the configuration given with --config, against the regions with site "
    "resources (VPC, database, function, API) in its plan.",
    remedy="Keep one state per site in a bucket of that site's region with use_lockfile = true, "
    "and what spans both (DNS, replicas, peering) in a state of its own.",
    check=_state,
    needs_configuration=True,
)


def _recovery(subject: Subject) -> Iterator[Observation]:
    if len(subject.sites) <= 1:
        return
    for kind, attribute in _MACHINES:
        machines = [
            machine
            for machine in subject.plan.of(kind)
            if _RECOVERS.search(f"{machine.text(attribute)} {machine.name}")
        ]
        for group in twins(machines, attribute).values():
            missing = [site for site in subject.sites if site not in {m.region for m in group}]
            if missing:
                yield found(group[0], f"exists in {group[0].region}, not in {', '.join(missing)}")


RECOVERY: Final = Rule(
    rule_id="PDR702",
    name="recovery-path-at-one-site",
    title="Recovery automation that is lost with its region",
    severity=Severity.ERROR,
    why="Automation of a failover that runs in the region that fails does not run.",
    looks_at="With two sites or more: state machines, documents and build projects named failover, "
    "recover, switchover, failback or promote must exist at every site. Functions: see PDR402.",
    remedy="Deploy the automation at both sites; only the surviving one acts.",
    check=_recovery,
)

RULES: Final = (STATE, RECOVERY)
