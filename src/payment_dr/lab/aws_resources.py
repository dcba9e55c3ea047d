"""What exists in a lab's cloud from its start: the same resources that a deployment has on AWS."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from payment_dr.adapters.control_table import control_item
from payment_dr.adapters.merchant_directory import MerchantDirectory
from payment_dr.adapters.record_items import (
    KEY,
    OPEN_INDEX,
    OPEN_KEY,
    UNCONFIRMED_INDEX,
    UNCONFIRMED_KEY,
)
from payment_dr.core.settings import Orchestrator, Settings
from payment_dr.core.stamp import SiteName
from payment_dr.lab.addresses import LOOPBACK, Addresses
from payment_dr.lab.merchant_keys import add_merchants, made_keys
from payment_dr.lab.postgres import ADMIN, APP, LedgerPasswords
from payment_dr.recovery.moves import first_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

MERCHANTS: Final = (*(f"merchant-{number}" for number in range(10)), "canary")
"""Merchants of a lab; the canary's payments are made by moves that verify themselves."""

ACCESS_KEY: Final = "lab"
"""Both parts of the credentials that sign requests in a lab; any do."""

_KEY_BYTES: Final = 24
_CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"total_max_attempts": 2, "mode": "standard"},
    s3={"addressing_style": "path"},
)
_ENGINE: Final = "aurora-postgresql"
_DEFAULT_REGION: Final = "us-east-1"


def create(settings: Settings, addresses: Addresses, passwords: LedgerPasswords) -> dict[str, str]:
    """Create everything in an empty cloud, and steady control at home in epoch 1.

    Returns:
        The API key of each merchant; the cloud keeps only their digests, and the canary's key.

    Raises:
        botocore.exceptions.BotoCoreError: an endpoint does not answer.
        botocore.exceptions.ClientError: something is there already.
    """
    made = made_keys(MERCHANTS, settings.payments.mode, time.time())
    keys = {merchant: key.text for merchant, key in made.items()}
    content = _secrets(passwords, keys)
    # Clients are made by one thread: boto3's sessions are not safe to share while making them.
    clients = _Clients(addresses)
    rds = {site.name: clients.rds(site.region) for site in settings.sites}
    dynamodb = clients.dynamodb(settings.site(settings.home).region)

    def table() -> None:
        _table(settings, dynamodb)
        add_merchants(MerchantDirectory(dynamodb, settings.resource("table")), made)

    jobs: list[Callable[[], object]] = [
        table,
        partial(_databases, settings, addresses, rds),
        partial(
            _shared_secrets, settings, clients.secrets(settings.site(settings.home).region), content
        ),
    ]
    jobs += [
        partial(_bucket, settings, clients.s3(site.region), site.name) for site in settings.sites
    ]
    if settings.failover.orchestrator is Orchestrator.STATE_MACHINE:
        # Loading the plans and what they need takes 40 ms, which few labs have to pay.
        machines = import_module("payment_dr.lab.state_machines")
        jobs += [
            partial(
                machines.create_machine,
                settings,
                site.name,
                clients.functions(site.region),
                clients.machines(site.region),
            )
            for site in settings.sites
        ]
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()
    return keys


def new_provider_key() -> str:
    """One that the provider's simulator takes."""
    return f"sk_test_{secrets.token_hex(_KEY_BYTES)}"


def evidence_bucket(settings: Settings, site: str) -> str:
    """Name of the site's bucket for evidence in a lab; on AWS bucket names are everybody's."""
    return settings.resource("evidence", site)


class _Clients:
    """Makes boto3 clients; a session keeps the models of services, which are dear to load."""

    def __init__(self, addresses: Addresses) -> None:
        self._session: Any = boto3.session.Session(
            aws_access_key_id=ACCESS_KEY, aws_secret_access_key=ACCESS_KEY
        )
        self._ports = addresses.aws_port

    def dynamodb(self, region: str) -> "DynamoDBClient":
        client: DynamoDBClient = self._session.client("dynamodb", **self._place(region))
        return client

    def rds(self, region: str) -> "RDSClient":
        client: RDSClient = self._session.client("rds", **self._place(region))
        return client

    def s3(self, region: str) -> "S3Client":
        client: S3Client = self._session.client("s3", **self._place(region))
        return client

    def secrets(self, region: str) -> "SecretsManagerClient":
        client: SecretsManagerClient = self._session.client("secretsmanager", **self._place(region))
        return client

    def functions(self, region: str) -> Any:
        return self._session.client("lambda", **self._place(region))

    def machines(self, region: str) -> Any:
        return self._session.client("stepfunctions", **self._place(region))

    def _place(self, region: str) -> Any:
        endpoint = f"http://{LOOPBACK}:{self._ports[region]}"
        return {"region_name": region, "endpoint_url": endpoint, "config": _CONFIG}


def _secrets(passwords: LedgerPasswords, keys: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Content of each secret by the thing that it is for."""
    return {
        "provider": {
            "api_key": new_provider_key(),
            "webhook_secret": f"whsec_{secrets.token_hex(_KEY_BYTES)}",
        },
        "ledger": {"username": APP, "password": passwords.app},
        "ledger-admin": {"username": ADMIN, "password": passwords.admin},
        # Logs in nowhere: nothing here needs the master, but readiness looks for its secret.
        "ledger-master": {"username": "master", "password": secrets.token_urlsafe(24)},
        "canary": {"api_key": keys["canary"]},
        "webhooks": {"master": secrets.token_hex(32)},
    }


def _table(settings: Settings, client: "DynamoDBClient") -> None:
    """The payments table, strongly consistent over both sites and the witness."""
    table = settings.resource("table")
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": KEY, "AttributeType": "S"},
            {"AttributeName": UNCONFIRMED_KEY, "AttributeType": "N"},
            {"AttributeName": OPEN_KEY, "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": key, "KeyType": "HASH"},
                    {"AttributeName": KEY, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, key in ((UNCONFIRMED_INDEX, UNCONFIRMED_KEY), (OPEN_INDEX, OPEN_KEY))
        ],
    )
    client.update_table(
        TableName=table,
        ReplicaUpdates=[{"Create": {"RegionName": settings.peer(settings.home).region}}],
        GlobalTableWitnessUpdates=[{"Create": {"RegionName": settings.witness_region}}],
        MultiRegionConsistency="STRONG",
    )
    client.put_item(TableName=table, Item=control_item(first_record(settings.home)))


def _databases(
    settings: Settings, addresses: Addresses, clients: Mapping[SiteName, "RDSClient"]
) -> None:
    """The global cluster with a cluster of each site, home's first: the first is the writer."""
    clients[settings.home].create_global_cluster(
        GlobalClusterIdentifier=settings.resource("global"), Engine=_ENGINE
    )
    for site in (settings.home, settings.peer(settings.home).name):
        clients[site].create_db_cluster(
            DBClusterIdentifier=settings.resource("cluster", site),
            GlobalClusterIdentifier=settings.resource("global"),
            Engine=_ENGINE,
            Port=addresses.postgres_port[site],
        )


def _shared_secrets(
    settings: Settings,
    client: "SecretsManagerClient",
    content: Mapping[str, Mapping[str, str]],
) -> None:
    """The secrets at home, each with its replica of the same name in the other site's region."""
    peer = settings.peer(settings.home).region
    for thing, secret in content.items():
        name = settings.resource(thing)
        client.create_secret(
            Name=name, SecretString=json.dumps(secret), AddReplicaRegions=[{"Region": peer}]
        )


def _bucket(settings: Settings, client: "S3Client", site: str) -> None:
    """The site's evidence bucket; us-east-1 is S3's default and must not be named."""
    region = settings.site(site).region
    place: Any = (
        {}
        if region == _DEFAULT_REGION
        else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    client.create_bucket(Bucket=evidence_bucket(settings, site), **place)
