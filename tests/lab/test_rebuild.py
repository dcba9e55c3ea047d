"""A rebuild over a real PostgreSQL: an empty one and a restored backup, killed again and again."""

import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from random import Random
from typing import Any, Final, TypeVar

import psycopg
import pytest

from fakes.clock import FakeClock
from fakes.control import EAST, FakeControl
from fakes.faults import Crash, open_gate
from fakes.postgres_pair import PASSWORDS, PostgresPair, open_ledger_pair
from fakes.provider import DECLINED_METHOD, FakeProvider
from fakes.table import FakePaymentsTable
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.ledger_setup import prepare_database
from payment_dr.adapters.migrations import migrate
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.adapters.rebuild_ledger import PostgresRebuiltLedger
from payment_dr.checks.backup_source import BackupKind, RestorePoint
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.core.settings import PaymentSettings
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.backups import LabBackups
from payment_dr.lab.postgres import APP, OWNER, Cluster
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.jobs.rebuild import Advanced, Checkpoint, Kept, Rebuild, Scan
from payment_dr.payments.jobs.reconcile import FencedError, reconcile
from payment_dr.payments.journal import Booking
from payment_dr.payments.outcome import Created
from payment_dr.payments.ports import ControlView, Posted, ReplicaView
from payment_dr.payments.reconciliation_report import NOTHING, BookedPayment, ledger_differences
from payment_dr.payments.record import OperationKind
from payment_dr.payments.requests import OperationRequest, PayRequest
from payment_dr.payments.service import PaymentService, Ports

pytestmark = pytest.mark.lab

T = TypeVar("T")
FIRST: Final = Stamp(epoch=Epoch(1), site=EAST)
MOVE: Final = Stamp(epoch=Epoch(2), site=EAST)
PAYMENTS: Final = 500
KILLS: Final = 40
CURRENCIES: Final = ("EUR", "USD", "SEK")


class Site:
    """Handlers of one site around a table in memory, and a ledger that may be exchanged."""

    def __init__(self, pair: PostgresPair) -> None:
        self.pair = pair
        self.clock = SystemClock()
        self.gate: Callable[[str, Callable[[], Any]], Any] = open_gate
        self.table = FakePaymentsTable(self._gated)
        self.provider = FakeProvider(FakeClock())
        self.control = FakeControl()
        self.port = pair.addresses.postgres_port["east"]
        self.number = 0
        self.move = MOVE

    def _gated(self, effect: str, act: Callable[[], T]) -> T:
        found: T = self.gate(effect, act)
        return found

    def ledger(self) -> PostgresRebuiltLedger:
        """A new process's connections to whatever is the ledger now."""
        login = LedgerLogin(
            host=LOOPBACK, port=self.port, user=APP, password=PASSWORDS.app, tls=False
        )
        return PostgresRebuiltLedger(lambda: login, timeout_s=10, connections=2)

    def service(self, ledger: PostgresRebuiltLedger, table: FakePaymentsTable) -> PaymentService:
        ports = Ports(
            table=table,
            ledger=ledger,
            provider=self.provider,
            clock=self.clock,
            control=self.control,
        )
        return PaymentService(
            ports,
            site=EAST,
            owner=uuid.uuid4().hex,
            limits=PaymentSettings(),
            breaker=CircuitBreaker(),
        )

    def pay(self, service: PaymentService, count: int) -> None:
        """Charges in three currencies, some declined, some refunded in part."""
        for _ in range(count):
            self.number += 1
            number = self.number
            money = Money(minor_units=100 + number, currency=CURRENCIES[number % 3])
            paid = service.pay(
                PayRequest(
                    merchant="shop",
                    idempotency_key=f"k{number}",
                    money=money,
                    capture=True,
                    payment_method=DECLINED_METHOD if number % 11 == 0 else "pm_card_visa",
                )
            )
            if isinstance(paid, Created) and number % 5 == 0:
                service.operate(
                    OperationRequest(
                        merchant="shop",
                        payment_id=paid.record.payment_id,
                        idempotency_key="refund",
                        kind=OperationKind.REFUND,
                        amount_minor=50,
                    )
                )

    def confirm_everything(self) -> None:
        for record in list(self.table.records.values()):
            self.table.records[record.payment_id] = replace(record, unconfirmed=None)

    def owner(self, database: str) -> "psycopg.Connection[Any]":
        return psycopg.connect(
            host=LOOPBACK,
            port=self.port,
            user=OWNER,
            password=PASSWORDS.owner,
            dbname=database,
            autocommit=True,
        )

    def lose_to_empty(self) -> None:
        """An empty database in the ledger's place, as a deployment's initialisation leaves it."""
        with self.owner("postgres") as owner:
            owner.execute("DROP DATABASE ledger WITH (FORCE)")
        prepare_database(self.owner, ())
        with self.pair.ledgers.connect("east") as admin:
            migrate(admin)
        self.move = MOVE
        self.stamp(MOVE)

    def stamp(self, stamp: Stamp) -> None:
        with self.owner("ledger") as owner:
            owner.execute(
                "UPDATE ledger.stamp SET epoch = %s, site = %s", (stamp.epoch, stamp.site)
            )

    def cut_connections(self, chance: Random) -> None:
        """Of the application, once in a while."""
        if chance.random() < 0.1:
            with self.owner("postgres") as owner:
                owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
                    (APP,),
                )

    def lost_entries(self) -> list[object]:
        """What the ledger's audit says against the payments table, payment by payment."""
        with closing(self.ledger()) as ledger:
            booked = ledger.booked(list(self.table.records))
            found: list[object] = [
                one
                for record in self.table.records.values()
                for one in ledger_differences(record, booked.get(record.payment_id, NOTHING))
            ]
            return [*found, *ledger.totals()]


@pytest.fixture(name="site", scope="module")
def site_fixture() -> Iterator[Site]:
    with open_ledger_pair() as pair:
        yield Site(pair)


@contextmanager
def paying(site: Site) -> Generator[None]:
    """Accepting goes on meanwhile, fenced off from the ledger; the table is the same one."""
    open_table = FakePaymentsTable()
    open_table.records = site.table.records
    stop, errors = threading.Event(), list[Exception]()

    def go_on() -> None:
        try:
            with closing(site.ledger()) as ledger:
                service = site.service(ledger, open_table)
                while not stop.is_set():
                    site.pay(service, 1)
                    time.sleep(0.005)
        except Exception as error:  # noqa: BLE001  # pylint: disable=broad-exception-caught; told in the test
            errors.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not errors


def dying(left: int) -> Callable[[str, Callable[[], Any]], Any]:
    """A gate at which the process dies after so many effects, before or after a write."""
    rest = [left]

    def gate(effect: str, act: Callable[[], Any]) -> Any:
        rest[0] -= 1
        if rest[0] == 0 and effect == "replace":
            act()
        if rest[0] <= 0:
            raise Crash
        return act()

    return gate


def one_runner(site: Site, chance: Random) -> Checkpoint | None:
    """A process of its own, whose connections are cut now and then; None if it dies."""
    with closing(site.ledger()) as ledger:
        job = Rebuild(
            table=site.table, scan=site.table, ledger=ledger, clock=site.clock, spread=map
        )
        try:
            found = scanned(job, site.move, lambda: site.cut_connections(chance))
        except (Crash, UnavailableError):
            return None
    return found


def rebuilt(site: Site, chance: Random) -> tuple[Checkpoint, int]:
    """To the end, by as many processes as it takes; each dies at some effect."""
    for killed in range(400):
        site.gate = dying(chance.randrange(1, 120)) if killed < KILLS else open_gate
        found = one_runner(site, chance)
        if found is not None:
            site.gate = open_gate
            return found, killed
    raise AssertionError("the rebuild did not end")


def scanned(job: Rebuild, stamp: Stamp, between: Callable[[], object] = lambda: None) -> Checkpoint:
    for _ in range(1000):
        found = job.advance(stamp)
        if found.scan in {Scan.DONE, Scan.DIFFERS}:
            return found
        between()
    raise AssertionError("the rebuild did not end")


def moving(site: Site) -> None:
    site.control.view = ControlView(steady=False, active=EAST, epoch=site.move.epoch)


def finish(site: Site, chance: Random) -> Checkpoint:
    """Rebuild under load, then what a move does before it opens the ledger."""
    moving(site)
    with paying(site):
        found, killed = rebuilt(site, chance)
    assert found.scan is Scan.DONE, found.differences
    assert killed > 10, "it died too seldom"
    assert found.implied == found.held
    with closing(site.ledger()) as ledger:
        reconcile(site.table, ledger, site.move, started_at=site.clock.now())
    assert site.lost_entries() == []
    return found


def test_an_empty_database_is_completed_under_load_by_runners_that_die(site: Site) -> None:
    site.table.records.clear()
    site.lose_to_empty()
    moving(site)
    with closing(site.ledger()) as ledger:
        site.pay(site.service(ledger, site.table), PAYMENTS)
    site.confirm_everything()
    before = dict(site.table.records)
    found = finish(site, Random(6))
    assert found.payments >= PAYMENTS
    assert set(found.posted) == set(CURRENCIES)
    assert all(
        site.table.records[key].version > record.version for key, record in before.items()
    ), "each is unconfirmed in a version of its own"


def test_an_older_backup_is_completed_with_what_was_confirmed_since(site: Site) -> None:
    site.table.records.clear()
    site.lose_to_empty()
    site.control.view = ControlView(steady=True, active=EAST, epoch=MOVE.epoch)
    place = site.pair.directory.postgres / f"backups-{uuid.uuid4().hex[:8]}"
    backups = LabBackups(
        place,
        host=site.pair.host,
        source=Cluster(
            "east",
            data=site.pair.directory.postgres / "east",
            port=site.port,
            host=site.pair.host,
        ),
        port=site.pair.addresses.evidence_port,
    )
    kept = site.port
    with closing(site.ledger()) as ledger:
        service = site.service(ledger, site.table)
        site.pay(service, PAYMENTS // 2)
        backups.take()
        site.pay(service, PAYMENTS // 2)
    site.confirm_everything()
    before = dict(site.table.records)
    backups.begin("run", RestorePoint(kind=BackupKind.SNAPSHOT, at=0, snapshot="base"), 0.0)
    (restoration,) = backups.restorations()
    backups.advance(restoration)
    try:
        site.port = site.pair.addresses.evidence_port
        lost = len(site.lost_entries())
        assert lost >= PAYMENTS // 2, "the backup is older"
        site.move = replace(MOVE, epoch=Epoch(3))
        site.stamp(site.move)
        found = finish(site, Random(7))
        untouched = [k for k, r in before.items() if site.table.records[k].version == r.version]
        assert len(untouched) == PAYMENTS // 2, "what the backup had stays confirmed"
        assert sum(one.bookings for one in found.posted.values()) >= lost
    finally:
        site.port = kept
        backups.remove(restoration)


class Forgetful:
    """A ledger that says of one booking that it has it, a planted fault."""

    def __init__(self, ledger: PostgresRebuiltLedger, forgotten: str) -> None:
        self._ledger, self._forgotten = ledger, forgotten

    def post(self, bookings: Sequence[Booking], stamp: Stamp) -> Posted:
        return self._ledger.post(bookings, stamp)

    def view(self, operation_ids: Sequence[str]) -> ReplicaView:
        view = self._ledger.view(operation_ids)
        return replace(view, present=view.present | {self._forgotten})

    def checkpoint(self, stamp: Stamp) -> Kept | None:
        return self._ledger.checkpoint(stamp)

    def rebuild_on(
        self, bookings: Sequence[Booking], stamp: Stamp, checkpoint: Checkpoint, *, based_on: int
    ) -> Advanced:
        return self._ledger.rebuild_on(bookings, stamp, checkpoint, based_on=based_on)

    def booked(self, payment_ids: Sequence[str]) -> Mapping[str, BookedPayment]:
        return self._ledger.booked(payment_ids)


def test_a_booking_left_out_is_named_by_the_comparison_and_posted_by_the_next_scan(
    site: Site,
) -> None:
    site.table.records.clear()
    site.lose_to_empty()
    moving(site)
    with closing(site.ledger()) as ledger:
        site.pay(site.service(ledger, site.table), 20)
        site.confirm_everything()
        forgotten = next(iter(site.table.records.values())).operations[0].operation_id
        job = Rebuild(
            table=site.table,
            scan=site.table,
            ledger=Forgetful(ledger, forgotten),
            clock=site.clock,
            spread=map,
        )
        found = scanned(job, MOVE)
        assert (found.scan, found.differing) == (Scan.DIFFERS, 1)
        assert found.differences[0].operation_id == forgotten
        assert found.implied != found.held
        assert scanned(replace(job, ledger=ledger), MOVE).scan is Scan.DONE
    assert site.lost_entries() == []


def test_another_database_in_the_place_of_the_first_begins_anew_and_an_old_stamp_is_fenced(
    site: Site,
) -> None:
    site.table.records.clear()
    site.lose_to_empty()
    moving(site)
    with closing(site.ledger()) as ledger:
        site.pay(site.service(ledger, site.table), 10)
        job = Rebuild(
            table=site.table, scan=site.table, ledger=ledger, clock=site.clock, spread=map
        )
        assert scanned(job, MOVE).scan is Scan.DONE
        late = ledger.checkpoint(MOVE)
        assert late is not None
        again = ledger.rebuild_on((), MOVE, late.checkpoint, based_on=late.revision - 1)
        assert again is Advanced.OVERTAKEN
        assert ledger.rebuild_on((), MOVE, late.checkpoint, based_on=0) is Advanced.OVERTAKEN
    site.lose_to_empty()
    with closing(site.ledger()) as ledger:
        assert ledger.checkpoint(MOVE) is None
        assert (
            ledger.rebuild_on((), MOVE, late.checkpoint, based_on=late.revision)
            is Advanced.OVERTAKEN
        )
        job = replace(job, ledger=ledger)
        assert scanned(job, MOVE).scan is Scan.DONE
        assert site.lost_entries() == []
        site.stamp(replace(MOVE, epoch=Epoch(3)))
        with pytest.raises(FencedError, match="does not carry the stamp of epoch 2 at east"):
            replace(job, ledger=DoneForgotten(ledger)).advance(MOVE)


class DoneForgotten(Forgetful):
    """Has no checkpoint, so that the job begins."""

    def __init__(self, ledger: PostgresRebuiltLedger) -> None:
        super().__init__(ledger, "")

    def checkpoint(self, stamp: Stamp) -> Kept | None:
        return None if stamp == MOVE else super().checkpoint(stamp)
