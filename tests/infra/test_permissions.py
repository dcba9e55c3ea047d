import json
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

import pytest

from infra.surroundings import KEYS, LEDGER_IDS
from payment_dr.core.deployment_settings import DatabaseSettings, LedgerAuthentication
from payment_dr.functions.catalogue import FUNCTIONS, Function, Need, function
from payment_dr.functions.state_machine_start import state_machine_arn as machine_that_is_started
from payment_dr.infra.constructs.policies import Effect, PolicyStatement, policy
from payment_dr.infra.permission_parts import UNAVOIDABLE
from payment_dr.infra.permissions import key_statements, login_statements, statements
from payment_dr.infra.permissions_of_recovery import state_machine_arn
from payment_dr.infra.place import Place

INLINE_CHARACTERS_MAX = 10_240
"""Of all inline policies of a role together, white space aside."""

EVERY: Final = frozenset(
    {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "kms:Decrypt",
    }
)
READ: Final = frozenset({"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"})
WRITE: Final = frozenset({"dynamodb:PutItem"})
APPEND: Final = frozenset({"dynamodb:UpdateItem"})
SECRET: Final = frozenset({"secretsmanager:GetSecretValue"})
SEAL: Final = frozenset({"kms:GenerateDataKey"})
LOG_IN: Final = frozenset({"rds-db:connect"})
QUEUE: Final = frozenset({"sqs:SendMessage"})
EVIDENCE: Final = frozenset({"s3:GetObject", "s3:PutObject", "s3:ListBucket"})
SEE: Final = frozenset({"rds:DescribeGlobalClusters", "rds:DescribeDBClusters"})
MOVE: Final = frozenset({"rds:FailoverGlobalCluster", "rds:SwitchoverGlobalCluster"})

ABROAD: Final = (
    "SeeClusters",
    "MoveGlobalCluster",
    "ObserveFunctions",
    "ObserveAliases",
    "ObserveParameters",
)
"""Statements that reach the other region; a failover needs the second one, from here."""

_JOB: Final = EVERY | READ | SECRET | SEAL | QUEUE
SCAN: Final = frozenset({"dynamodb:DescribeTable", "dynamodb:Scan"})
_RECOVERY: Final = EVERY | READ | WRITE | APPEND | SECRET | SEAL | EVIDENCE | SEE | MOVE | SCAN

TABLE: Final = {
    "api": EVERY | READ | WRITE | SECRET | SEAL | LOG_IN,
    "poster": _JOB,
    "confirmer": _JOB | WRITE,
    "sweeper": _JOB | WRITE | {"dynamodb:DeleteItem", "dynamodb:Scan"},
    "webhooks": _JOB,
    "watcher": _RECOVERY | QUEUE | {"states:StartExecution"},
    "recovery": _RECOVERY,
    "initialise": EVERY | READ | WRITE | APPEND | SECRET | SEAL | LOG_IN,
    "readiness": EVERY
    | READ
    | SECRET
    | SEAL
    | QUEUE
    | SEE
    | EVIDENCE
    | {
        "acm:DescribeCertificate",
        "acm:ListCertificates",
        "kms:DescribeKey",
        "lambda:GetAccountSettings",
        "lambda:GetFunctionConcurrency",
        "lambda:GetFunctionConfiguration",
        "lambda:GetProvisionedConcurrencyConfig",
        "rds:DescribeDBClusterParameters",
        "secretsmanager:DescribeSecret",
    },
    "backup-verification": EVERY
    | READ
    | SECRET
    | SEAL
    | QUEUE
    | SEE
    | EVIDENCE
    | {
        "dynamodb:Scan",
        "kms:CreateGrant",
        "kms:DescribeKey",
        "rds:AddTagsToResource",
        "rds:CreateDBInstance",
        "rds:DeleteDBCluster",
        "rds:DeleteDBInstance",
        "rds:DescribeDBClusterSnapshots",
        "rds:DescribeDBInstances",
        "rds:ModifyDBCluster",
        "rds:RestoreDBClusterFromSnapshot",
        "rds:RestoreDBClusterToPointInTime",
    },
    "rotation": EVERY
    | READ
    | SECRET
    | SEAL
    | QUEUE
    | {
        "rds:DescribeDBClusters",
        "rds:DescribeGlobalClusters",
        "secretsmanager:DescribeSecret",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    },
}
"""Every action of every function: who adds one says so here."""


def allowed(one: Function, place: Place) -> list[PolicyStatement]:
    everything = (
        *statements(one, place),
        *key_statements(one, place, KEYS),
        *login_statements(one, place, LEDGER_IDS),
    )
    return [statement for statement in everything if statement.effect is Effect.ALLOW]


def actions(found: Iterable[PolicyStatement]) -> set[str]:
    return {action for statement in found for action in statement.actions}


def needless(found: Iterable[PolicyStatement]) -> list[str]:
    """Wildcards that AWS does not force on us."""
    return [
        f"{statement.sid}: {action}"
        for statement in found
        for action in statement.actions
        if "*" in action or ("*" in statement.resources and action not in UNAVOIDABLE)
    ]


@pytest.fixture(params=[one.name for one in FUNCTIONS], name="one")
def made_one(request: pytest.FixtureRequest) -> Function:
    return function(request.param)


def test_a_function_may_do_what_the_table_says_and_nothing_else(one: Function, home: Place) -> None:
    assert actions(allowed(one, home)) == TABLE[one.name]


def test_no_action_is_a_wildcard_and_no_resource_that_could_be_named(
    one: Function, home: Place
) -> None:
    assert needless(allowed(one, home)) == []


@pytest.mark.parametrize(
    ("action", "resource"), [("s3:*", "arn:aws:s3:::bucket"), ("sqs:SendMessage", "*")]
)
def test_a_planted_wildcard_is_found(action: str, resource: str) -> None:
    planted = PolicyStatement(sid="Planted", actions=(action,), resources=(resource,))
    assert needless([planted]) == [f"Planted: {action}"]


def test_every_exception_is_needed_and_has_a_reason(home: Place) -> None:
    used = {
        action
        for one in FUNCTIONS
        for statement in allowed(one, home)
        if "*" in statement.resources
        for action in statement.actions
    }
    # Delivering logs is what the state machine's role does: tests of recovery.
    deliveries = {action for action in UNAVOIDABLE if action.startswith("logs:")}
    assert used | deliveries == set(UNAVOIDABLE)
    assert all(UNAVOIDABLE.values())


@pytest.mark.parametrize(
    "need", [need for need in Need if need not in {Need.DNS, Need.LEDGER_PROXY}], ids=str
)
def test_every_need_allows_something_to_those_who_have_it(need: Need, home: Place) -> None:
    alone = Function(
        name="alone",
        handler="a:b",
        purpose="has one need",
        memory_mb=128,
        timeout_s=1,
        needs=frozenset({need}),
    )
    nothing = Function(
        name="alone",
        handler="a:b",
        purpose="has none",
        memory_mb=128,
        timeout_s=1,
        needs=frozenset(),
    )
    before = {repr(statement) for statement in statements(nothing, home)}
    gained = [one for one in statements(alone, home) if repr(one) not in before]
    assert gained
    assert all(one.resources for one in gained)


def test_only_who_moves_may_promote(home: Place) -> None:
    movers = {one.name for one in FUNCTIONS if actions(allowed(one, home)) & MOVE}
    assert movers == {"watcher", "recovery"}


def test_who_writes_payments_may_not_write_the_control_record(home: Place) -> None:
    for name, denied in {"api": True, "sweeper": True, "recovery": False, "watcher": False}.items():
        found = {one.sid: one for one in statements(function(name), home)}
        assert ("NoControlRecord" in found) is denied
        if denied:
            refused = found["NoControlRecord"]
            assert refused.effect is Effect.DENY
            assert set(refused.actions) == WRITE | APPEND
            leading = {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": "control*"}}
            assert refused.conditions == leading


def test_no_function_writes_the_audit_log_or_deletes_of_it(home: Place) -> None:
    """Entries are people's; who moves for them writes around the log and not over it."""
    entry = "control#audit#00000001"
    for one in FUNCTIONS:
        for statement in allowed(one, home):
            if "dynamodb:DeleteItem" in statement.actions:
                (keys,) = statement.conditions.values()
                assert not fnmatchcase(entry, keys["dynamodb:LeadingKeys"])
        if Need.TABLE_WRITE not in one.needs:
            continue
        found = {each.sid: each for each in statements(one, home)}
        refused = found.get("NoAuditLog") or found["NoControlRecord"]
        assert refused.effect is Effect.DENY
        assert set(refused.actions) == WRITE | APPEND
        (pattern,) = (each["dynamodb:LeadingKeys"] for each in refused.conditions.values())
        assert fnmatchcase(entry, pattern)
        assert fnmatchcase("control", pattern) is ("NoControlRecord" in found)


def test_no_function_makes_api_keys_but_the_one_that_makes_the_canary(home: Place) -> None:
    writers = [one for one in FUNCTIONS if Need.TABLE_WRITE in one.needs]
    free = {
        one.name for one in writers if "NoApiKeys" not in {s.sid for s in statements(one, home)}
    }
    assert free == {"initialise"}
    refused = next(one for one in statements(function("api"), home) if one.sid == "NoApiKeys")
    assert refused.effect is Effect.DENY
    assert refused.conditions == {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": "key#*"}}


def test_everything_is_in_the_site_s_own_region_but_what_is_compared_or_moved_over_there(
    one: Function, home: Place
) -> None:
    for statement in allowed(one, home):
        for resource in statement.resources:
            region = resource.split(":")[3] if resource != "*" else ""
            over_there = region == home.peer.region
            assert not over_there or statement.sid in ABROAD
            assert region in ("", home.site.region, home.peer.region)


def test_a_secret_is_read_by_those_who_need_it_in_the_copy_of_their_region(peer: Place) -> None:
    readers = {
        thing: {
            one.name
            for one in FUNCTIONS
            for statement in allowed(one, peer)
            if "secretsmanager:GetSecretValue" in statement.actions
            and peer.secret_arn(thing) in statement.resources
        }
        for thing in ("provider", "ledger-master", "canary", "webhooks")
    }
    assert readers == {
        "provider": {"api", "sweeper"},
        "ledger-master": {"initialise"},
        "canary": {"watcher", "recovery", "initialise"},
        "webhooks": {"api", "webhooks"},
    }


def with_passwords(place: Place) -> Place:
    """The same place where the API logs in with the secret, as jobs do."""
    database = DatabaseSettings(authentication=LedgerAuthentication.PASSWORD)
    return replace(place, settings=place.settings.model_copy(update={"database": database}))


def test_the_api_logs_in_as_one_user_through_one_proxy_and_reads_no_secret_of_the_ledger(
    home: Place,
) -> None:
    one = function("api")
    (login,) = login_statements(one, home, LEDGER_IDS)
    assert login.actions == ("rds-db:connect",)
    assert login.resources == ("arn:aws:rds-db:us-east-1:123456789012:dbuser:prx-123/payment_api",)
    read = {arn for found in statements(one, home) for arn in found.resources if "secret:" in arn}
    assert read == {home.secret_arn("provider"), home.secret_arn("webhooks")}


def test_who_makes_the_ledger_logs_in_as_its_first_user_at_the_cluster(home: Place) -> None:
    (login,) = login_statements(function("initialise"), home, LEDGER_IDS)
    user = "arn:aws:rds-db:us-east-1:123456789012:dbuser:cluster-ABC/payment_master"
    assert login.resources == (user,)


def test_nobody_else_logs_in_by_a_token(home: Place) -> None:
    found = {one.name for one in FUNCTIONS if login_statements(one, home, LEDGER_IDS)}
    assert found == {"api", "initialise"}


def test_with_passwords_the_api_reads_the_secret_and_no_token_is_good_for_anything(
    home: Place,
) -> None:
    place = with_passwords(home)
    assert not any(login_statements(one, place, LEDGER_IDS) for one in FUNCTIONS)
    sids = {one.sid for one in statements(function("api"), place)}
    assert {"ReadLedgerSecret", "OpenLedgerSecret"} <= sids


def test_the_key_of_secrets_opens_one_secret_through_its_service_alone(home: Place) -> None:
    opening = next(
        one for one in statements(function("poster"), home) if one.sid == "OpenLedgerSecret"
    )
    assert opening.conditions == {
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/payments-secrets-prod"},
        "StringLike": {"kms:EncryptionContext:SecretARN": home.secret_arn("ledger")},
        "StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"},
    }


def test_a_key_of_the_site_is_used_through_a_service_or_for_the_function_s_own_environment(
    one: Function, home: Place
) -> None:
    for statement in key_statements(one, home, KEYS):
        said = json.dumps(statement.conditions)
        own = f"function:{home.name(one.name)}"
        assert "kms:ViaService" in said or own in said


def test_no_function_calls_cloudwatch_whose_metrics_are_lines_of_the_log(
    one: Function, home: Place
) -> None:
    named = {action for each in statements(one, home) for action in each.actions}
    assert not [action for action in named if action.startswith("cloudwatch:")]


def test_the_code_of_a_function_cannot_touch_the_network_that_lambda_made_for_it(
    one: Function, home: Place
) -> None:
    found = {statement.sid: statement for statement in statements(one, home)}
    denied, joined = found["NoNetworkByCode"], found["JoinNetwork"]
    assert denied.effect is Effect.DENY
    assert set(joined.actions) | set(found["SeeNetwork"].actions) == set(denied.actions)
    own = home.arn("lambda", f"function:{home.name(one.name)}")
    assert denied.conditions == {"ArnEquals": {"lambda:SourceFunctionArn": own}}


def test_a_verification_changes_and_deletes_only_what_it_restored(home: Place) -> None:
    for statement in allowed(function("backup-verification"), home):
        changes = {"rds:DeleteDBCluster", "rds:DeleteDBInstance", "rds:ModifyDBCluster"}
        if changes & set(statement.actions):
            assert all(":payments-restored-east-prod-*" in one for one in statement.resources)


def test_a_function_starts_the_machine_of_its_own_site(peer: Place) -> None:
    started = next(one for one in statements(function("watcher"), peer) if one.sid == "StartMove")
    own = machine_that_is_started(peer.settings, peer.site.name)
    assert started.resources == (own,)
    assert state_machine_arn(peer) == own


def test_no_two_statements_of_a_role_share_a_name_and_all_fit_into_it(
    one: Function, home: Place
) -> None:
    calls, keys = statements(one, home), key_statements(one, home, KEYS)
    for part in (calls, keys):
        assert len({statement.sid for statement in part}) == len(part)
    texts = [json.loads(policy(*part)) for part in (calls, keys)]
    length = sum(len(json.dumps(text, separators=(",", ":"))) for text in texts)
    assert length <= INLINE_CHARACTERS_MAX
