"""Two sites around one payments table and one provider, composed as a site's functions are."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from fakes.clock import FakeClock
from fakes.control import EAST, WEST, FakeControl
from fakes.ledger import EMPTY, Backup, FakeLedger
from fakes.provider import FakeProvider
from fakes.table import FakeBookmark, FakePaymentsTable
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import PaymentSettings
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.jobs.confirmer import Confirmer
from payment_dr.payments.jobs.expirer import Expirer
from payment_dr.payments.jobs.poster import Poster
from payment_dr.payments.jobs.rebuild import ScanPage
from payment_dr.payments.jobs.sweeper import Sweeper
from payment_dr.payments.service import PaymentService, Ports
from properties.bugs import Bug, CredulousLedger, HastyTable, ImpatientProvider, credulous
from properties.moves import Moves, peer
from properties.scheduler import Scheduler, Tape

Job = Callable[[], object]

SITES: Final = (EAST, WEST)
NEVER_S: Final = 604_800.0

BACKUPS_KEPT_S: Final = 36.0
"""Days in truth; here a few leases, so that records expire while a schedule lasts."""


class World:
    """Everything at two sites, with at most one planted bug."""

    def __init__(self, tape: Tape, bug: Bug | None = None) -> None:
        self.tape = tape
        self.scheduler = Scheduler(tape)
        gate = self.scheduler.gate
        self.clock = FakeClock()
        self.table = FakePaymentsTable(gate, lagging=True)
        self.table.unconditional = bug is Bug.UNCONDITIONAL_WRITES
        impatient = bug is Bug.TIMEOUT_IS_A_DECLINE
        self.provider = (ImpatientProvider if impatient else FakeProvider)(self.clock, gate)
        self.control = FakeControl(gate)
        self.ledgers = {
            site: FakeLedger(gate, stamp=Stamp(epoch=Epoch(1), site=EAST)) for site in SITES
        }
        for ledger in self.ledgers.values():
            ledger.unfenced = bug is Bug.POSTING_WITHOUT_STAMP_CHECK
        self.ledgers[WEST].follow(self.ledgers[EAST])
        self.lost: set[SiteName] = set()
        self.moves = Moves(
            scheduler=self.scheduler,
            clock=self.clock,
            table=self.table,
            control=self.control,
            ledgers=self.ledgers,
            bug=bug,
        )
        self.backups: list[Backup] = []
        self.finished_payments: Callable[[], frozenset[str]] = frozenset
        self._bookmark = FakeBookmark()
        self._bug = bug
        self._hasty = {site: HastyTable(self.table, gate) for site in SITES}
        self._cached = {site: FakeControl() for site in SITES}
        self.services = {site: self._service(site) for site in SITES}
        self.jobs: dict[tuple[str, SiteName], Job] = {
            (name, site): make(site).run
            for site in SITES
            for name, make in (
                ("poster", self._poster),
                ("confirmer", self._confirmer),
                ("sweeper", self._sweeper),
                ("expirer", self._expirer),
            )
        }

    @property
    def alive(self) -> list[SiteName]:
        return [site for site in SITES if site not in self.lost]

    def start_job(self, job: str, site: SiteName) -> None:
        """Let one run of a job begin there."""

        def body() -> None:
            self.scheduler.at(site)
            with suppress(UnavailableError):
                self.jobs[job, site]()

        if site not in self.lost:
            self.scheduler.spawn(f"{job} {site}", body)

    def refresh_control(self, site: SiteName) -> None:
        """The site's handlers and poster learn what the control record says."""
        self._cached[site].view = self.control.view

    def lose(self, site: SiteName) -> None:
        """Everything at the site dies, and its ledger is out of reach."""
        self.lost.add(site)
        self.scheduler.doom(site)
        self._hasty[site].unwritten.clear()

    def rebuild(self, site: SiteName) -> None:
        """The site comes back with a replica of the active writer instead of its old ledger."""
        self.ledgers[site].follow(self.ledgers[peer(site)])
        self.lost.discard(site)

    def back_up(self) -> None:
        """Of the active writer; backups past their time are gone."""
        active = self.control.view.active
        if active not in self.lost and self.moves.move is None:
            self.backups.append(self.ledgers[active].back_up(self.clock.now()))

    def some_backup(self, choice: int) -> Backup:
        """Any that is kept, or an empty database."""
        now = self.clock.now()
        long = self._bug is Bug.EXPIRES_BEFORE_THE_BACKUPS
        kept_s = NEVER_S if long else BACKUPS_KEPT_S
        kept = [backup for backup in self.backups if now - backup.at < kept_s]
        # Backups twice: what has expired comes back from them alone, and is to be missed then.
        usable = [EMPTY, *kept, *kept]
        return usable[choice % len(usable)]

    def flush(self) -> None:
        """What hasty tables promised happens."""
        for hasty in self._hasty.values():
            hasty.flush()

    def _service(self, site: SiteName) -> PaymentService:
        hasty = self._bug is Bug.ACKNOWLEDGED_BEFORE_DECIDED
        forgetful = self._bug is Bug.SENT_AGAIN_AFTER_KEYS_EXPIRED
        limits = PaymentSettings()
        if forgetful:  # which the settings' own bound would refuse
            limits = limits.model_copy(update={"provider_forgets_keys_s": NEVER_S})
        return PaymentService(
            Ports(
                table=self._hasty[site] if hasty else self.table,
                ledger=self.ledgers[site],
                provider=self.provider,
                clock=self.clock,
                control=self._cached[site],
            ),
            site=site,
            owner=site,
            limits=limits,
            breaker=CircuitBreaker(),
        )

    def _poster(self, site: SiteName) -> Poster:
        return Poster(
            table=self.table,
            ledger=self.ledgers[site],
            control=self._cached[site],
            site=site,
        )

    def _confirmer(self, site: SiteName) -> Confirmer:
        anywhere = self._bug is Bug.CONFIRMED_ANYWHERE
        ledger = self.ledgers[site]
        return Confirmer(
            table=self.table,
            ledger=CredulousLedger(ledger=ledger, site=site, control=self.control)
            if anywhere
            else ledger,
            control=credulous(self.control, site) if anywhere else self.control,
            site=site,
            clock=self.clock,
            spread=map,
        )

    def _expirer(self, site: SiteName) -> Expirer:
        return Expirer(
            table=FinishedTable(self, blind=self._bug is Bug.EXPIRES_UNCONFIRMED),
            bookmark=self._bookmark,
            control=self.control,
            site=site,
            clock=self.clock,
            age_s=BACKUPS_KEPT_S,
        )

    def _sweeper(self, site: SiteName) -> Sweeper:
        return Sweeper(
            table=self.table,
            service=self.services[site],
            clock=self.clock,
            spread=map,
            budget_s=60,
        )


@dataclass(frozen=True, slots=True)
class FinishedTable:
    """Shows the expirer only payments that no client comes back to.

    In truth none comes back after 400 days. `blind` shows each as confirmed, a planted bug.
    """

    world: World
    blind: bool

    def scan(self, *, cursor: str | None, limit: int) -> ScanPage:
        page = self.world.table.scan(cursor=cursor, limit=limit)
        finished = self.world.finished_payments()
        records = (record for record in page.records if record.payment_id in finished)
        if self.blind:
            records = (replace(record, unconfirmed=None) for record in records)
        return replace(page, records=tuple(records))

    def delete_expired(self, payment_id: str, *, based_on: int) -> bool:
        return self.world.table.delete_expired(payment_id, based_on=based_on)
