"""Every subcommand by name: its module and its summary, so that help imports none of them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A subcommand: the module of `payment_dr.cli` that registers it, and what it does.

    `summary` is the first line of the command's own help; a test keeps them equal.
    """

    name: str
    module: str
    summary: str


COMMANDS: Final[tuple[Command, ...]] = tuple(
    Command(name=name, module=module, summary=summary)
    for name, module, summary in (
        (
            "drill",
            "drill",
            "Lose a site under load, fail over, bring it back, check every payment, and report.",
        ),
        ("lab", "lab", "Run the two sites on this machine, without a drill, to try things."),
        (
            "check",
            "check",
            "Judge every claim about a run from its files; exit code 0 only if all of them pass.",
        ),
        (
            "status",
            "move",
            "Show who is active, the latest move, and what platform, ledgers and DNS say.",
        ),
        (
            "failover",
            "move",
            "Move to a site without asking the other one; what its ledger lost is posted again.",
        ),
        (
            "switchover",
            "move",
            "Move to a healthy standby as planned, without loss; accepting payments goes on.",
        ),
        (
            "failback",
            "move",
            "Switch over to home, once its ledger is a healthy replica again.",
        ),
        (
            "rebuild-ledger",
            "rebuild",
            "Complete an older backup, or an empty database, from the payments table.",
        ),
        (
            "resume",
            "move",
            "Join an unfinished move, whoever began it, and bring it to its end.",
        ),
        (
            "approve",
            "move",
            "Approve the promotion of this very move; whoever runs or resumes it then goes on.",
        ),
        (
            "abort",
            "move",
            "Take an unfinished move back, as long as no promotion was tried.",
        ),
        (
            "watch",
            "watch",
            "Follow a move until it ends, with the time and the budget of each step.",
        ),
        (
            "readiness",
            "readiness",
            "Judge whether the standby could take over now: each item, its evidence, its remedy.",
        ),
        (
            "verify-backup",
            "verify_backup",
            "Restore the latest snapshot and a point in time, check them, and delete them again.",
        ),
        (
            "evidence",
            "evidence",
            "List, fetch and verify the reports of moves and drills.",
        ),
        (
            "audit",
            "audit",
            "Print who did what, when, with which approval, and whether the log is whole.",
        ),
        (
            "policy",
            "policy",
            "Print the IAM policy of an observer, an approver or an operator, at both sites.",
        ),
        (
            "synth",
            "synth",
            "Check the settings against AWS's limits, build the package, and write the stacks.",
        ),
        (
            "diff",
            "diff",
            "Plan every stack and show what would be created, changed, replaced or destroyed.",
        ),
        (
            "deploy",
            "deploy",
            "Deploy: foundation, home site, other site, links; then initialise the ledger.",
        ),
        (
            "destroy",
            "destroy",
            "Destroy everything of an environment, in the reverse order of its deployment.",
        ),
        (
            "outputs",
            "outputs",
            "Print the outputs of every stack as the states have them, sensitive ones left out.",
        ),
        (
            "package",
            "package",
            "Build the function package: the same bytes each time, for Lambda on arm64.",
        ),
        (
            "cost",
            "cost",
            "Estimate a month at list prices, by site, and what each choice would change.",
        ),
        (
            "merchants",
            "merchants",
            "Create, list and disable merchants; needs the operator's access, never an API key.",
        ),
        (
            "keys",
            "keys",
            "Create, list, rotate and revoke API keys; needs the operator's access.",
        ),
        (
            "webhooks",
            "webhooks",
            "List deliveries to webhooks that wait or were given up, and send them again.",
        ),
        (
            "reconcile",
            "reconcile",
            "Compare provider, payments table and ledger; list differences, repair what can be.",
        ),
        (
            "settlement",
            "settlement",
            "Report per currency what was captured, refunded, taken as fees, and what is left.",
        ),
        (
            "lint",
            "lint",
            "Find in plans of Terraform or OpenTofu what would fail in a regional failover.",
        ),
        (
            "settings",
            "settings",
            "Check a settings file under the environment's overrides, or print an example.",
        ),
    )
)
"""In the order in which people meet them."""

BY_NAME: Final = {command.name: command for command in COMMANDS}
