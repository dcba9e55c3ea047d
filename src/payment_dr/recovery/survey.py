"""What `status` shows: the control record beside what the platform, the ledgers and DNS say."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.recovery.control import ControlRecord, Phase
from payment_dr.recovery.ports import GlobalClusterView, LedgerView, Transition, World

_Found = TypeVar("_Found")


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The state of everything that a move changes; None where there was no answer."""

    control: ControlRecord
    run_log: tuple[Transition, ...]
    platform: GlobalClusterView | None
    ledgers: dict[SiteName, LedgerView | None]
    answer: SiteName | None
    healthy: bool
    repair: str | None


def survey(world: World, site: SiteName, sites: tuple[SiteName, ...]) -> Survey:
    """Ask everything once, from `site`; only the control record has to answer.

    Raises:
        UnavailableError: the control record cannot be read.
    """
    control = world.control.read()
    platform = _answer(world.clusters.describe)
    ledgers = {name: _ledger(world, name) for name in sites}
    return Survey(
        control=control,
        run_log=() if control.move is None else world.control.run_log(control.move.move_id),
        platform=platform,
        ledgers=ledgers,
        answer=world.routing.answer(),
        healthy=world.routing.healthy(site),
        repair=repair_needed(control, platform, ledgers),
    )


def repair_needed(
    control: ControlRecord,
    platform: GlobalClusterView | None,
    ledgers: dict[SiteName, LedgerView | None],
) -> str | None:
    """What differs between a steady control record and the platform, or None.

    A promotion that lands after its move was superseded leaves such a difference; the repair is a
    failover to where the writer is.
    """
    if control.phase is not Phase.STEADY or platform is None or platform.writer is None:
        return None
    writer = platform.writer
    if writer != control.active:
        return f"the platform's writer is {writer}, the control record says {control.active}"
    ledger = ledgers[writer]
    if ledger is not None and ledger.stamp != control.stamp:
        return f"the ledger of {writer} carries {ledger.stamp}, the control record {control.stamp}"
    return None


def _ledger(world: World, site: SiteName) -> LedgerView | None:
    return _answer(lambda: world.ledgers.view(site))


def _answer(ask: Callable[[], _Found]) -> _Found | None:
    with suppress(UnavailableError):
        return ask()
    return None
