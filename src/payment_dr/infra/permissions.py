"""What each function may do, derived from its needs: named actions on named ARNs, nothing else.

ARNs come from names, so a plan shows every policy in full before anything exists. Only keys, and
users of the ledger, go by ids of AWS's making; what is allowed on these stands apart, in
`key_statements` and `login_statements`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from payment_dr.adapters.audit_log import AUDIT_KEY
from payment_dr.adapters.control_table import CONTROL_KEY
from payment_dr.adapters.ledger_roles import API_USER, MASTER_USER
from payment_dr.adapters.merchant_directory import LIST_KEY
from payment_dr.adapters.record_items import OPEN_INDEX, UNCONFIRMED_INDEX
from payment_dr.core.deployment_settings import LedgerAuthentication
from payment_dr.functions.catalogue import Function, Need
from payment_dr.infra.constructs.policies import Effect, PolicyStatement
from payment_dr.infra.permission_parts import (
    KeyArns,
    LedgerIds,
    log_in,
    send_dead_letters,
    trace,
    use_key,
    via,
)
from payment_dr.infra.permissions_of_recovery import (
    clusters_move,
    clusters_read,
    expire,
    observe,
    restore,
    start_move,
)
from payment_dr.infra.place import Place

_INTERFACES: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
)
_INTERFACES_SEEN: Final = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")


def is_asynchronous(function: Function) -> bool:
    """Whether nobody waits for its answer, so that a failed call has to be kept somewhere."""
    return function.every is not None or Need.ROTATE in function.needs


def statements(function: Function, place: Place) -> tuple[PolicyStatement, ...]:
    """Everything that a function may do, keys of the site aside."""
    needed = [one for need in Need if need in function.needs for one in _BY_NEED[need](place)]
    return (
        *_every_function(function, place),
        *_control_record(function, place),
        *_api_keys(function, place),
        *needed,
    )


def key_statements(function: Function, place: Place, keys: KeyArns) -> tuple[PolicyStatement, ...]:
    """What it may do with keys of the site, each only through the service that stores with it."""
    arn = place.arn("lambda", f"function:{place.name(function.name)}")
    environment = PolicyStatement(
        sid="OpenEnvironment",
        actions=("kms:Decrypt",),
        resources=(keys.data,),
        conditions={"StringEquals": {"kms:EncryptionContext:aws:lambda:FunctionArn": arn}},
    )
    through = [
        (is_asynchronous(function), "Queues", "sqs", keys.messages),
        (Need.TABLE_READ in function.needs, "Payments", "dynamodb", keys.data),
        (Need.EVIDENCE in function.needs, "Evidence", "s3", keys.data),
        (Need.START_MOVE in function.needs, "StateMachines", "states", keys.data),
        (Need.RESTORE in function.needs, "Backups", "rds", keys.data),
    ]
    used = [use_key(f"{sid}Key", key, service, place) for yes, sid, service, key in through if yes]
    grant = PolicyStatement(
        sid="GrantBackupsKey",
        actions=("kms:CreateGrant", "kms:DescribeKey"),
        resources=(keys.data,),
        conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}, **via("rds", place)},
    )
    return (
        environment,
        *used,
        *([grant] if Need.RESTORE in function.needs else []),
    )


def login_statements(function: Function, place: Place, ids: LedgerIds) -> list[PolicyStatement]:
    """What it may log in as by a token; nothing where the settings say that nobody does.

    The first user is let in by one too: `adapters.ledger_setup.LedgerSetup` says why.
    """
    if not by_token(place):
        return []
    logins = [
        (Need.LEDGER_PROXY, log_in("LogInAsApi", place, ids.proxy, API_USER)),
        (Need.LEDGER_MASTER, log_in("LogInAsFirstUser", place, ids.cluster, MASTER_USER)),
    ]
    return [statement for need, statement in logins if need in function.needs]


def by_token(place: Place) -> bool:
    """Whether the payment API logs in to the ledger by tokens of IAM."""
    return place.settings.database.authentication is LedgerAuthentication.IAM


def _every_function(function: Function, place: Place) -> tuple[PolicyStatement, ...]:
    name = place.name(function.name)
    group = place.arn("logs", f"log-group:/aws/lambda/{name}")
    own = place.arn("lambda", f"function:{name}")
    return (
        PolicyStatement(
            sid="WriteLogs",
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=(f"{group}:log-stream:*",),
        ),
        trace(),
        PolicyStatement(
            sid="JoinNetwork", actions=_INTERFACES, resources=(place.arn("ec2", "*/*"),)
        ),
        PolicyStatement(sid="SeeNetwork", actions=_INTERFACES_SEEN, resources=("*",)),
        # Lambda needs these to attach the function to its subnets; the function's code does not.
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
        PolicyStatement(
            sid="NoNetworkByCode",
            actions=(*_INTERFACES, *_INTERFACES_SEEN),
            resources=("*",),
            conditions={"ArnEquals": {"lambda:SourceFunctionArn": own}},
            effect=Effect.DENY,
        ),
        *([send_dead_letters(place)] if is_asynchronous(function) else []),
    )


def _control_record(function: Function, place: Place) -> tuple[PolicyStatement, ...]:
    """Who writes payments does not write the control record, which lies in the same table.

    The audit log lies there too. It is written by people's commands: whoever moves for them
    writes the control record, and still no entry of the log, so that none is written over.
    """
    if Need.TABLE_WRITE not in function.needs:
        return ()
    moves = Need.CLUSTERS_MOVE in function.needs or Need.LEDGER_MASTER in function.needs
    return (
        PolicyStatement(
            sid="NoAuditLog" if moves else "NoControlRecord",
            actions=("dynamodb:PutItem", "dynamodb:UpdateItem"),
            resources=(place.table_arn,),
            conditions={
                "ForAnyValue:StringLike": {
                    "dynamodb:LeadingKeys": f"{AUDIT_KEY if moves else CONTROL_KEY}*"
                }
            },
            effect=Effect.DENY,
        ),
    )


def _api_keys(function: Function, place: Place) -> tuple[PolicyStatement, ...]:
    """Who writes payments makes no API key, which would be a merchant's in the same table."""
    if Need.DIRECTORY in function.needs or Need.TABLE_WRITE not in function.needs:
        return ()
    return (
        PolicyStatement(
            sid="NoApiKeys",
            actions=("dynamodb:PutItem", "dynamodb:UpdateItem"),
            resources=(place.table_arn,),
            conditions={"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": "key#*"}},
            effect=Effect.DENY,
        ),
    )


def _table_read(place: Place) -> tuple[PolicyStatement, ...]:
    table = place.table_arn
    indexes = (f"{table}/index/{index}" for index in (UNCONFIRMED_INDEX, OPEN_INDEX))
    return (
        PolicyStatement(
            sid="ReadPayments",
            actions=("dynamodb:BatchGetItem", "dynamodb:GetItem"),
            resources=(table,),
        ),
        PolicyStatement(sid="FindPayments", actions=("dynamodb:Query",), resources=tuple(indexes)),
    )


def _table_write(place: Place) -> tuple[PolicyStatement, ...]:
    return (
        PolicyStatement(
            sid="WritePayments",
            actions=("dynamodb:PutItem",),
            resources=(place.table_arn,),
        ),
    )


def _directory(place: Place) -> tuple[PolicyStatement, ...]:
    return (
        PolicyStatement(
            sid="ListMerchant",
            actions=("dynamodb:UpdateItem",),
            resources=(place.table_arn,),
            conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": LIST_KEY}},
        ),
    )


def _secret(thing: str, *further: str) -> Callable[[Place], tuple[PolicyStatement, ...]]:
    """Reading a shared secret, or doing more with it, and opening it with the key of secrets.

    That key is made by another stack: its alias is known here, its id is not.
    """
    word = "".join(part.capitalize() for part in thing.split("-"))
    writes = ("kms:GenerateDataKey",) if further else ()

    def allowed(place: Place) -> tuple[PolicyStatement, ...]:
        secret = place.secret_arn(thing)
        return (
            PolicyStatement(
                sid=f"{'Rotate' if further else 'Read'}{word}Secret",
                actions=("secretsmanager:GetSecretValue", *further),
                resources=(secret,),
            ),
            PolicyStatement(
                sid=f"{'Seal' if further else 'Open'}{word}Secret",
                actions=("kms:Decrypt", *writes),
                resources=(place.arn("kms", "key/*"),),
                conditions={
                    "ForAnyValue:StringEquals": {
                        "kms:ResourceAliases": f"alias/{place.shared('secrets')}"
                    },
                    "StringLike": {"kms:EncryptionContext:SecretARN": secret},
                    **via("secretsmanager", place),
                },
            ),
        )

    return allowed


def _proxy(place: Place) -> tuple[PolicyStatement, ...]:
    """The secret, where the API logs in with it; else `login_statements` has all."""
    return () if by_token(place) else _secret("ledger")(place)


def _rotate(place: Place) -> tuple[PolicyStatement, ...]:
    further = (
        "secretsmanager:DescribeSecret",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    )
    return tuple(one for thing in ROTATED_SECRETS for one in _secret(thing, *further)(place))


def _evidence(place: Place) -> tuple[PolicyStatement, ...]:
    bucket = f"arn:aws:s3:::{place.name('evidence')}{place.bucket_suffix}"
    return (
        PolicyStatement(
            sid="FileEvidence",
            actions=("s3:GetObject", "s3:PutObject"),
            resources=(f"{bucket}/*",),
        ),
        PolicyStatement(sid="FindEvidence", actions=("s3:ListBucket",), resources=(bucket,)),
    )


def _nothing_of_aws(_place: Place) -> tuple[PolicyStatement, ...]:
    """Name servers and addresses on the internet ask for no permission."""
    return ()


ROTATED_SECRETS: Final = ("ledger", "ledger-admin")
"""Shared secrets that the function `rotation` renews."""

_BY_NEED: Final[Mapping[Need, Callable[[Place], tuple[PolicyStatement, ...]]]] = {
    Need.TABLE_READ: _table_read,
    Need.TABLE_WRITE: _table_write,
    Need.LEDGER: _secret("ledger"),
    Need.LEDGER_PROXY: _proxy,
    Need.LEDGER_ADMIN: _secret("ledger-admin"),
    Need.LEDGER_MASTER: _secret("ledger-master"),
    Need.PROVIDER: _secret("provider"),
    Need.MERCHANTS: _secret("webhooks"),
    Need.WEBHOOKS: _secret("webhooks"),
    Need.CANARY: _secret("canary"),
    Need.DIRECTORY: _directory,
    Need.CLUSTERS_READ: clusters_read,
    Need.CLUSTERS_MOVE: clusters_move,
    Need.EVIDENCE: _evidence,
    Need.DNS: _nothing_of_aws,
    Need.START_MOVE: start_move,
    Need.RESTORE: restore,
    Need.ROTATE: _rotate,
    Need.EXPIRE: expire,
    Need.OBSERVE: observe,
}
