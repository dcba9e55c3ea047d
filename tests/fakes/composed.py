"""A process's parts over fakes: two sites may share a table and a provider."""

import hashlib

from fakes.clock import FakeClock
from fakes.control import FakeControl
from fakes.ledger import FakeLedger
from fakes.provider import FakeProvider
from fakes.table import FakePaymentsTable
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.functions.composition import Composition
from payment_dr.functions.environment import Address, Environment
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.service import PaymentService, Ports

API_KEY = "a-key-of-the-shop"
STAMP = Stamp(epoch=Epoch(1), site=SiteName("east"))

SETTINGS = Settings.model_validate(
    {
        "home": "east",
        "witness_region": "us-east-2",
        "sites": [
            {"name": "east", "region": "us-east-1", "cidr": "10.0.0.0/16"},
            {"name": "west", "region": "us-west-2", "cidr": "10.1.0.0/16"},
        ],
    }
)


class FakeWorld:
    """What both sites share, and each site's parts; the ledger is east's unless replaced."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.table = FakePaymentsTable()
        self.provider = FakeProvider(self.clock)
        self.control = FakeControl()
        self.ledgers = {"east": FakeLedger(stamp=STAMP), "west": FakeLedger(stamp=STAMP)}

    def parts(self, site: str) -> Composition:
        ports = Ports(
            table=self.table,
            ledger=self.ledgers[site],
            provider=self.provider,
            clock=self.clock,
            control=self.control,
        )
        return Composition(
            environment=Environment(
                site=SiteName(site),
                settings=SETTINGS,
                aws=None,
                ledger=Address(host="127.0.0.1", port=1),
                peer_ledger=None,
                provider_url=None,
                peer_health_url=None,
                own_url=None,
                dns=None,
                evidence_bucket=None,
            ),
            ports=ports,
            service=PaymentService(
                ports,
                site=SiteName(site),
                owner=f"{site}/test",
                limits=SETTINGS.payments,
                breaker=CircuitBreaker(),
            ),
            control_now=self.control,
            merchants=lambda: {"shop": hashlib.sha256(API_KEY.encode()).hexdigest()},
            check_health=lambda: None,
            spread=map,
        )
