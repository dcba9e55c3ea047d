"""The parts of a move, put together; what they reach is tested in the lab."""

from contextlib import closing
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.composed import SETTINGS
from fakes.ledger import FakeLedger
from fakes.planned_client import PlannedClient, refusal
from fakes.recovery_world import EAST, STEADY_AT_EAST, WEST
from fakes.table import FakePaymentsTable
from payment_dr.adapters.control_table import control_item
from payment_dr.adapters.dns_routing import DnsRouting
from payment_dr.adapters.side_by_side import side_by_side
from payment_dr.core.errors import SettingsError, UnavailableError
from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.functions import composition, recovery_composition, watcher
from payment_dr.functions.environment import Address, AwsAccess, Environment
from payment_dr.functions.recovery_composition import LedgerReconciler, compose_recovery
from payment_dr.payments.jobs.walk import Together
from payment_dr.payments.ports import Ledger, Succeeded
from payment_dr.payments.requests import PayRequest
from payment_dr.payments.transitions import Author, claim, decided
from payment_dr.recovery.ports import Reconciled

SECRET = '{"api_key": "key", "username": "u", "password": "p"}'
NOWHERE = Address(host="127.0.0.1", port=1)
ITEM = {
    **control_item(STEADY_AT_EAST),
    "heartbeat": {"S": '{"site": "east", "beat": 1, "ledger_failures": 0, "at": 0}'},
}
"""Control record and heartbeat in one, for whichever is read."""

STAMP = Stamp(epoch=Epoch(2), site=WEST)


@pytest.fixture(name="aws", autouse=True)
def aws_fixture(monkeypatch: pytest.MonkeyPatch) -> dict[str, PlannedClient]:
    """Clients by service: secrets and a control record are there, and no payments.

    One that is put at `service/region` is that region's.
    """
    clients = {
        "secretsmanager": PlannedClient({"SecretString": SECRET}),
        "dynamodb": PlannedClient({"Item": ITEM, "Items": []}),
        "rds": PlannedClient({"GlobalClusters": []}),
        "s3": PlannedClient({}),
    }

    class Session:
        def create_client(self, service: str, **options: Any) -> PlannedClient:
            return clients.get(f"{service}/{options['region_name']}", clients[service])

    monkeypatch.setattr(composition, "_session", Session)
    return clients


def at(site: SiteName) -> Environment:
    return Environment(
        site=site,
        settings=SETTINGS,
        aws=AwsAccess(endpoint_url="http://127.0.0.1:1", access_key_id="k", secret_access_key="s"),
        ledger=NOWHERE,
        peer_ledger=None,
        provider_url=None,
        peer_health_url="http://127.0.0.1:1/health",
        own_url="http://127.0.0.1:1",
        dns=NOWHERE,
        evidence_bucket=f"evidence-of-{site}",
    )


def routing_of(environment: Environment) -> DnsRouting:
    with closing(compose_recovery(environment)) as recovery:
        routing = recovery.world.routing
        assert isinstance(routing, DnsRouting)
        return routing


def test_the_ports_speak_to_their_own_site_alone(aws: dict[str, PlannedClient]) -> None:
    with closing(compose_recovery(at(WEST))) as recovery:
        world = recovery.world
        assert world.control.read() == STEADY_AT_EAST
        assert world.clusters.describe().writer is None
        world.evidence.put("m1", "move.json", "{}")
        assert aws["s3"].calls[0][1]["Bucket"] == "evidence-of-west"
        assert not world.routing.healthy(EAST)
        assert world.routing.answer() is None


def test_without_a_name_server_given_the_zones_own_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def name_servers_of(name: str, _resolver: object) -> Any:
        asked.append(name)
        return list

    monkeypatch.setattr(recovery_composition, "name_servers_of", name_servers_of)
    monkeypatch.setattr(recovery_composition, "Resolver", object)
    assert routing_of(replace(at(WEST), dns=None)).answer() is None
    assert asked == [SETTINGS.dns.name]


@pytest.mark.parametrize("missing", ["own_url", "evidence_bucket"])
def test_an_environment_that_cannot_move_is_told_what_is_missing(missing: str) -> None:
    without: Any = {missing: None}
    with pytest.raises(SettingsError, match=f"PAYMENT_DR_{missing.upper()} is missing"):
        compose_recovery(replace(at(WEST), **without))


def test_both_ledgers_are_logged_in_to_with_the_one_administrators_secret(
    aws: dict[str, PlannedClient],
) -> None:
    with closing(compose_recovery(replace(at(WEST), peer_ledger=NOWHERE))) as recovery:
        for site in (WEST, EAST):
            with pytest.raises(UnavailableError, match=f"looking at the ledger of {site}"):
                recovery.world.ledgers.view(site)
    names = {request["SecretId"] for _, request in aws["secretsmanager"].calls}
    assert names == {"payments-ledger-admin-dev"}


def test_a_peer_ledger_without_an_address_is_looked_for_in_its_own_region_once(
    aws: dict[str, PlannedClient],
) -> None:
    described = {"Endpoint": "127.0.0.1", "ReaderEndpoint": "127.0.0.1", "Port": 1}
    rds = aws["rds/us-east-1"] = PlannedClient({"DBClusters": [described]})
    with closing(compose_recovery(at(WEST))) as recovery:
        for _ in range(2):
            with pytest.raises(UnavailableError, match="looking at the ledger of east"):
                recovery.world.ledgers.view(EAST)
    assert rds.calls == [
        ("describe_db_clusters", {"DBClusterIdentifier": "payments-cluster-east-dev"})
    ]


def test_a_peer_ledger_that_is_not_found_is_not_available(aws: dict[str, PlannedClient]) -> None:
    aws["rds/us-east-1"] = PlannedClient(refusal("DBClusterNotFoundFault"))
    with (
        closing(compose_recovery(at(WEST))) as recovery,
        pytest.raises(UnavailableError, match="looking for the cluster payments-cluster-east-dev"),
    ):
        recovery.world.ledgers.view(EAST)


def test_the_canary_uses_the_canarys_own_key(aws: dict[str, PlannedClient]) -> None:
    with closing(compose_recovery(at(WEST))) as recovery, pytest.raises(UnavailableError):
        recovery.world.canary.send("m1")
    assert aws["secretsmanager"].calls[-1][1] == {"SecretId": "payments-canary-dev"}


def test_a_ledger_that_is_not_reached_fails_a_reconciliation(
    aws: dict[str, PlannedClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(
        _table: object, ledger: Ledger, _stamp: Stamp, *, started_at: float, together: Together
    ) -> None:
        assert started_at > 0
        assert together is side_by_side
        ledger.view([])

    monkeypatch.setattr(recovery_composition, "reconcile", look)
    monkeypatch.setattr(recovery_composition, "_LEDGER_S", 0.2)
    with closing(compose_recovery(at(WEST))) as recovery:
        for _ in range(2):
            with pytest.raises(UnavailableError):
                recovery.world.reconciler.reconcile(STAMP)
    logins = [r["SecretId"] for _, r in aws["secretsmanager"].calls]
    assert logins == ["payments-ledger-dev"], "one pool for all reconciliations"


def test_a_process_that_has_a_ledger_already_shares_it() -> None:
    shared = FakeLedger(stamp=STAMP)
    with closing(compose_recovery(at(WEST), lambda: shared)) as recovery:
        found = recovery.world.reconciler.reconcile(STAMP)
    assert found == Reconciled(seen=(), posted=(), money={})


def test_a_ledger_under_another_stamp_is_not_posted_to() -> None:
    other = FakeLedger(stamp=Stamp(epoch=Epoch(3), site=EAST))
    table = FakePaymentsTable()
    author = Author(owner="east/1", site=EAST, epoch=Epoch(1), now=0.0, lease_s=15)
    request = PayRequest(
        merchant="shop",
        idempotency_key="key",
        money=Money(minor_units=100, currency="EUR"),
        capture=True,
        payment_method="pm_card_visa",
    )
    table.put_if_absent(decided(claim(request, author), Succeeded(reference="pi_1"), 1.0))
    reconciler = LedgerReconciler(table=table, ledger=lambda: other, clock=FakeClock())
    with pytest.raises(UnavailableError, match="does not carry the stamp"):
        reconciler.reconcile(STAMP)


@pytest.fixture(name="fresh")
def fresh_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's watcher, built anew in the test."""
    parts: Any = type("Parts", (), {"environment": at(WEST)})
    monkeypatch.setattr(watcher, "composition", lambda _role: parts)
    monkeypatch.setattr(watcher, "_built", cache(vars(vars(watcher)["_built"])["__wrapped__"]))


@pytest.mark.usefixtures("fresh")
def test_a_process_has_one_watcher() -> None:
    assert watcher.watcher() is watcher.watcher()
    assert watcher.watcher().tick().verdict == "Calm"
