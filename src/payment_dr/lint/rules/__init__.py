"""All rules, in the order of their ids."""

from typing import Final

from payment_dr.lint.rule import Rule
from payment_dr.lint.rules import (
    backups,
    database,
    dns,
    functions,
    monitoring,
    security,
    state,
    tables,
)

RULES: Final[tuple[Rule, ...]] = (
    *database.RULES,
    *tables.RULES,
    *dns.RULES,
    *functions.RULES,
    *monitoring.RULES,
    *backups.RULES,
    *state.RULES,
    *security.RULES,
)
