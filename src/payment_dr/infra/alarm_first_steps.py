"""What to do first about an alarm, by its runbook: the line that is in every message at night.

It is what the page begins its list with, and short. It changes nothing.
"""

from collections.abc import Mapping
from typing import Final

FIRST_STEPS: Final[Mapping[str, str]] = {
    "api-errors": "payment-dr status: is a move under way, is the payments table reached?",
    "api-latency": "look which call is slow in X-Ray: table, provider, ledger or secrets.",
    "backup-absent": "read the log of backup-verification: how far did it come?",
    "backup-failed": "read the newest verification document: which check, of which backup?",
    "certificate-days": "aws acm describe-certificate: what does its renewal wait for?",
    "dead-letters": "read a message: a start of recovery that failed is urgent, all else is not.",
    "function-errors": "read the newest exception in the function's log.",
    "function-throttles": "compare concurrent executions with what is reserved.",
    "ledger-connections": "count pg_stat_activity by user and state: who holds them?",
    "ledger-cpu": "payment-dr status: is the ledger there at all?",
    "ledger-lag": "payment-dr status: who writes the ledger, and is the other site well?",
    "peer-lost": "payment-dr status: is a failover under way already?",
    "peer-unhealthy": "payment-dr status: has the state machine begun a failover?",
    "poster-silent": "read the poster's log: errors, time-outs, or no calls at all?",
    "readiness-absent": "read the log of readiness: errors, or no calls at all?",
    "readiness-blocking": "payment-dr readiness: which items block, and what is their remedy?",
    "site-unhealthy": "look which of its alarms is raised, and treat that one.",
    "takeover": "payment-dr status: which move leads clients away, was one meant?",
    "unconfirmed": "payment-dr status: do control record and the ledger's stamp agree?",
    "watcher-silent": "payment-dr status: is the other site well, is a move unfinished?",
    "webhooks-dead": "payment-dr webhooks list: whose endpoint, since when, with what answer?",
    "webhooks-late": "payment-dr status: is this site active, is its ledger reached?",
}
"""In one sentence each."""
