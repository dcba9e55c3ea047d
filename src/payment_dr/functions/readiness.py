"""Scheduled at both sites, every five minutes: could the standby take over now?

Finds out, judges each item, publishes, and answers with all of it. It writes nothing.
"""

import logging
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from os import environ
from typing import Any, Final

from payment_dr.adapters import account_survey as aws
from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.dynamodb import DynamoPaymentsTable, table_config
from payment_dr.adapters.verification_store import VerificationStore
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.functions.composition import aws_client
from payment_dr.functions.environment import Environment, environment_from, needed
from payment_dr.functions.logs import configure_logs, logged
from payment_dr.functions.metrics import Metric, publish
from payment_dr.functions.recovery_composition import compose_recovery
from payment_dr.payments.jobs.walk import pages
from payment_dr.payments.ports import PaymentsTable
from payment_dr.recovery.control import ControlRecord
from payment_dr.recovery.ports import LedgerView, World
from payment_dr.recovery.readiness_items import FORBID_A_FAILOVER, Item, judge
from payment_dr.recovery.readiness_judges import ItemState
from payment_dr.recovery.readiness_survey import (
    Answer,
    ReadinessSurvey,
    SiteFacts,
    Unconfirmed,
    Unknown,
)

_LOG: Final = logging.getLogger(__name__)
_CALL_S: Final = 3.0

QUALIFIER: Final = "live"
"""Alias by which functions are called."""

SECRETS: Final = ("ledger", "ledger-admin", "ledger-master", "provider", "webhooks", "canary")
"""Things that both sites have a secret for, under one name."""


@logged
def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Look once."""
    configure_logs()
    environment = environment_from(environ)
    recovery = compose_recovery(environment)
    try:
        world = recovery.world
        found = survey(environment, world, replace(environment, site=environment.peer.name))
        items = judge(found)
        lost = peer_lost(world, environment.site, environment.peer.name)
        _publish(environment.site, world.clock.now(), items, found, lost=lost)
    finally:
        recovery.close()
    document = {
        "site": environment.site,
        "ready": all(item.state is ItemState.OK for item in items),
        "blocking": [item.name for item in items if item.blocks],
        "peer_lost": lost,
        "items": [asdict(item) for item in items],
    }
    _LOG.info("readiness", extra={"fields": document})
    return document


def survey(environment: Environment, world: World, peer: Environment | None) -> ReadinessSurvey:
    """Ask everything once; what does not answer is unknown.

    The other site's facts are asked in the environment `peer`. With None nothing is asked in its
    region, as nothing is in the path of a failover.
    """
    settings, site, now = environment.settings, environment.site, world.clock.now()
    control = aws.ask(world.control.read)
    bucket = needed(environment.evidence_bucket, "EVIDENCE_BUCKET", "evidence is looked for there")
    s3 = _client(environment, "s3")
    functions = _client(environment, "lambda")
    return ReadinessSurvey(
        site=site,
        control=control,
        members=aws.ask(world.clusters.describe),
        standby=_standby(world, control, settings),
        unconfirmed=aws.ask(lambda: unconfirmed(_table(environment, world), now)),
        here=_facts(environment),
        there=UNASKED if peer is None else _facts(peer),
        secrets=aws.secrets_present(
            _client(environment, "secretsmanager"), [settings.resource(thing) for thing in SECRETS]
        ),
        keys=aws.keys_enabled(_client(environment, "kms"), _keys(settings, site)),
        quotas=aws.quotas(functions),
        certificate_days=aws.certificate_days(
            _client(environment, "acm"), (settings.dns.name, settings.domain(site)), now
        ),
        verified=aws.verified(VerificationStore(s3, bucket), now),
        drill_age_s=aws.drill_age(s3, bucket, now),
        drift=aws.drift(s3, bucket, now),
    )


def target_items(environment: Environment) -> tuple[Item, ...]:
    """What may refuse a failover by hand to the site: few questions, at once, in its region alone.

    What does not answer is unknown, and refuses nothing.
    """
    settings, site = environment.settings, environment.site
    secretsmanager, kms = _client(environment, "secretsmanager"), _client(environment, "kms")
    names = [settings.resource(thing) for thing in SECRETS]
    with ThreadPoolExecutor(2) as threads:
        secrets = threads.submit(aws.secrets_present, secretsmanager, names)
        keys = threads.submit(aws.keys_enabled, kms, _keys(settings, site))
        found = replace(_nothing_asked(site), secrets=secrets.result(), keys=keys.result())
    return tuple(item for item in judge(found) if item.name in FORBID_A_FAILOVER)


def _nothing_asked(site: SiteName) -> ReadinessSurvey:
    return ReadinessSurvey(
        site=site,
        control=_NOT_ASKED,
        members=_NOT_ASKED,
        standby=_NOT_ASKED,
        unconfirmed=_NOT_ASKED,
        here=UNASKED,
        there=UNASKED,
        secrets=_NOT_ASKED,
        keys=_NOT_ASKED,
        quotas=_NOT_ASKED,
        certificate_days=_NOT_ASKED,
        verified=_NOT_ASKED,
        drill_age_s=_NOT_ASKED,
        drift=_NOT_ASKED,
    )


_NOT_ASKED: Final = Unknown(why="a failover asks nothing in the other site's region")
UNASKED: Final = SiteFacts(
    engine_version=_NOT_ASKED,
    parameters=_NOT_ASKED,
    packages=_NOT_ASKED,
    concurrency=_NOT_ASKED,
)
"""Facts of a site that is not asked."""


def peer_lost(world: World, site: SiteName, peer: SiteName) -> bool:
    """Two signals: the other site gives no good answer, and the zone sends clients here."""
    return not world.routing.healthy(peer) and world.routing.answer() == site


def unconfirmed(table: PaymentsTable, now: float) -> Unconfirmed:
    """Number and age of the records that are not yet known to be at the standby."""
    count, oldest = 0, math.inf
    for records in pages(table, table.unconfirmed):
        times = [record.updated_at for record in records if record.unconfirmed is not None]
        count += len(times)
        oldest = min([oldest, *times])
    return Unconfirmed(count=count, age_s=max(now - oldest, 0.0))


def _standby(
    world: World, control: Answer[ControlRecord], settings: Settings
) -> Answer[LedgerView]:
    if isinstance(control, Unknown):
        return control
    standby = settings.peer(control.active).name
    return aws.ask(lambda: world.ledgers.view(standby))


def _table(environment: Environment, world: World) -> PaymentsTable:
    limits = environment.settings.payments
    return DynamoPaymentsTable(
        aws_client(environment, "dynamodb", table_config(limits, connections=1)),
        environment.settings.resource("table"),
        clock=world.clock,
        deadline_s=limits.table_timeout_s,
    )


def _facts(environment: Environment) -> SiteFacts:
    """Of the site that the environment names, in its region."""
    settings, site = environment.settings, environment.site
    clients = aws.RegionClients(
        rds=_client(environment, "rds"), functions=_client(environment, "lambda")
    )
    names = aws.SiteNames(
        cluster=settings.resource("cluster", site),
        parameter_group=settings.resource("cluster", site),
        functions={one.name: settings.resource(one.name, site) for one in FUNCTIONS},
        qualifier=QUALIFIER,
    )
    return aws.site_facts(clients, names)


def _keys(settings: Settings, site: SiteName) -> tuple[str, ...]:
    own = (settings.resource(thing, site) for thing in ("data", "logs", "messages"))
    return tuple(f"alias/{name}" for name in (*own, settings.resource("secrets")))


def _client(environment: Environment, service: str) -> Any:
    return aws_client(environment, service, tight(_CALL_S))


def _publish(
    site: SiteName, at_s: float, items: tuple[Item, ...], found: ReadinessSurvey, *, lost: bool
) -> None:
    states = [item.state for item in items]
    values: dict[Metric, float] = {
        Metric.READINESS_BLOCKING: sum(item.blocks for item in items),
        Metric.READINESS_FAILED: states.count(ItemState.FAILED),
        Metric.READINESS_UNKNOWN: states.count(ItemState.UNKNOWN),
        Metric.PEER_LOST: float(lost),
    }
    days = found.certificate_days
    if isinstance(days, float):
        values[Metric.CERTIFICATE_DAYS] = days
    publish(values, site=site, at_s=at_s)
    for item in items:
        if item.state is not ItemState.UNKNOWN:
            good = {Metric.READINESS_ITEM: float(item.state is ItemState.OK)}
            publish(good, site=site, at_s=at_s, item=item.name)
