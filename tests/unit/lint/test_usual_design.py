"""The example project of the usual design shows the failures it is known for."""

from pathlib import Path
from typing import Final

from payment_dr.adapters.configuration_files import read_configuration
from payment_dr.adapters.plan_files import read_plan
from payment_dr.lint.engine import lint
from payment_dr.lint.plan import Plan

PROJECT: Final = Path(__file__).parents[3] / "examples" / "usual-design"

KNOWN: Final = {
    "PDR101": "no key for the encrypted secondary",
    "PDR102": "password managed by RDS",
    "PDR103": "Terraform would detach the cluster after a failover",
    "PDR104": "rds.global_db_rpo on the secondary",
    "PDR106": "smaller instances at the standby",
    "PDR203": "idempotency keys replicate asynchronously",
    "PDR302": "30 s x 3 + 60 s against an objective of 60 s",
    "PDR303": "the standby's health is that of API Gateway",
    "PDR304": "the failover function changes records",
    "PDR401": "no way out of the standby's private subnets",
    "PDR402": "the failover function exists at home alone",
    "PDR403": "a tenth of the concurrency at the standby",
    "PDR404": "placeholder packages",
    "PDR501": "an alarm that tells nobody",
    "PDR601": "no replica of the secret",
    "PDR602": "no copy of the backups",
    "PDR603": "a password in the state",
    "PDR701": "one state for both regions",
    "PDR702": "the failover's state machine exists at home alone",
    "PDR801": "PostgreSQL open to everybody",
    "PDR802": "wildcard permissions",
    "PDR804": "no deletion protection",
}


def test_the_usual_design_shows_its_known_failures() -> None:
    result = lint(
        Plan([read_plan(PROJECT / "plan.json")]),
        configurations=[read_configuration(PROJECT)],
        acceptance_s=60,
    )
    assert {finding.rule_id for finding in result.findings} == set(KNOWN)
    assert not result.undecided
    assert result.sites == ("us-east-1", "us-west-2")
    private = next(one for one in result.findings if one.rule_id == "PDR401")
    assert private.place.address == "aws_lambda_function.payment_secondary"
