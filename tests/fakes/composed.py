"""A process's parts over fakes: two sites may share a table and a provider."""

import itertools
from functools import partial

from fakes.books import FakeBooks
from fakes.clock import FakeClock
from fakes.control import FakeControl
from fakes.directory import FakeDirectory, key_text
from fakes.ledger import FakeLedger
from fakes.provider import FakeProvider
from fakes.table import FakePaymentsTable
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.functions.authentication import Authenticator
from payment_dr.functions.composition import Composition
from payment_dr.functions.environment import Address, Environment
from payment_dr.functions.merchants import MerchantParts
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.endpoints import Endpoints
from payment_dr.payments.service import PaymentService, Ports

API_KEY = key_text("s")
RIVALS_KEY = key_text("r")
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
        self.directory = FakeDirectory()
        self.directory.admit("shop", API_KEY)
        self.directory.admit("rival", RIVALS_KEY)
        self.takeover_raised = False
        self._chance = itertools.count(1)

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
            merchants=MerchantParts(
                identify=Authenticator(
                    self.directory.key,
                    mode=SETTINGS.payments.mode,
                    clock=self.clock,
                    age_s=SETTINGS.payments.key_age_s,
                ),
                endpoints=Endpoints(
                    directory=self.directory,
                    clock=self.clock,
                    random=lambda size: next(self._chance).to_bytes(size, "big"),
                ),
                books=partial(FakeBooks, self.ledgers[site], self.clock),
                webhook_master=lambda: b"master",
            ),
            check_health=lambda: None,
            takeover_raised=lambda: self.takeover_raised,
            spread=map,
        )
