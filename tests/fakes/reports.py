"""Reports of synthetic runs, good and bad."""

import random
from functools import cache

from msgspec.structs import replace

from fakes.evidence import FakeRun
from fakes.synthetic import clean_run
from payment_dr.checks.checker import check
from payment_dr.checks.measure import measure
from payment_dr.report.builder import build_report
from payment_dr.report.model import Report


def report_of(run: FakeRun, **document: object) -> Report:
    """The report of a run; `document` adds to its run.json."""
    evidence = run.evidence()
    measures = measure(evidence, run.events, ttl_s=1)
    return build_report(evidence, run.document() | document, check(evidence), measures, run.events)


@cache
def good() -> Report:
    """A region loss that lost nothing."""
    return report_of(clean_run(seed=4, operations=500, rate=50))


@cache
def bad() -> Report:
    """The same run by a design that lost payments and charged one twice."""
    run = clean_run(seed=4, operations=500, rate=50)
    rng = random.Random(4)
    run.facts = replace(run.facts, design="ledger-first")
    run.payments[:] = [row for row in run.payments if rng.random() > 0.03]
    run.provider.append(replace(run.provider[0], reference="again"))
    return report_of(run)


@cache
def bare() -> Report:
    """A run without fault, events, settings and ledger."""
    run = clean_run(seed=4, operations=60, rate=50, fault=False)
    run.facts = replace(run.facts, ledger_sites=(), standby_back=False)
    return report_of(run, settings={}, environment={})
