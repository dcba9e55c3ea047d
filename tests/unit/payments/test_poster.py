from dataclasses import replace

import pytest

from fakes.control import EAST, WEST
from fakes.faults import Fault
from fakes.scene import AUTHORISE, PAY, STAMP, Scene, refund
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.payments.jobs.poster import Poster, PosterRun
from payment_dr.payments.jobs.walk import PAGE
from payment_dr.payments.ports import ControlView


def poster(scene: Scene, site: SiteName = EAST) -> Poster:
    return Poster(table=scene.table, ledger=scene.ledger, control=scene.control, site=site)


def ran(seen: int, posted: int, oldest_at: float | None) -> PosterRun:
    """A pass over everything."""
    return PosterRun(seen=seen, posted=posted, fenced=False, whole=True, oldest_at=oldest_at)


def accepted_at_west(scene: Scene, payments: int) -> None:
    west = scene.service_at(WEST)
    for number in range(payments):
        west.pay(replace(PAY, idempotency_key=f"order-{number}"))


def test_what_the_standby_accepted_is_posted_once(scene: Scene) -> None:
    accepted_at_west(scene, 3)
    oldest = min(record.updated_at for record in scene.table.records.values())
    assert poster(scene).run() == ran(3, 3, oldest)
    assert len(scene.ledger.entries) == 3
    assert poster(scene).run() == ran(3, 0, oldest)


def test_the_oldest_of_all_pages_is_told(scene: Scene) -> None:
    accepted_at_west(scene, 2 * PAGE)
    records = scene.table.records
    some = next(iter(records.values()))
    records[some.payment_id] = replace(some, updated_at=some.updated_at - 500)
    assert poster(scene).run().oldest_at == some.updated_at - 500


def test_a_payment_and_its_refund_are_two_entries(scene: Scene) -> None:
    west = scene.service_at(WEST)
    west.pay(PAY)
    west.operate(refund(scene.record, 300))
    assert poster(scene).run().posted == 2


def test_what_the_handler_posted_is_not_posted_again(scene: Scene) -> None:
    scene.paid()
    scene.script.effects.clear()
    assert poster(scene).run() == ran(1, 0, scene.record.updated_at)
    assert "post" not in scene.script.effects


def test_an_authorisation_is_booked_too(scene: Scene) -> None:
    scene.paid(AUTHORISE)
    scene.ledger.entries.clear()
    assert poster(scene).run().posted == 1


def test_it_goes_through_more_than_a_page_in_batches(scene: Scene) -> None:
    accepted_at_west(scene, 5 * PAGE)
    scene.script.effects.clear()
    assert poster(scene).run().posted == 5 * PAGE
    assert scene.script.effects.count("post") < 10


@pytest.mark.parametrize(
    "view",
    [
        ControlView(steady=False, active=EAST, epoch=Epoch(2)),
        ControlView(steady=True, active=WEST, epoch=Epoch(2)),
    ],
)
def test_it_posts_only_in_a_steady_phase_at_the_active_site(
    scene: Scene, view: ControlView
) -> None:
    accepted_at_west(scene, 1)
    scene.control.view = view
    assert poster(scene).run() == replace(ran(0, 0, None), whole=False)
    assert not scene.ledger.entries


def test_a_stale_poster_is_fenced_by_the_stamp(scene: Scene) -> None:
    accepted_at_west(scene, 2)
    scene.ledger.write_stamp(Stamp(epoch=Epoch(2), site=WEST))
    assert poster(scene).run() == replace(ran(0, 0, None), fenced=True, whole=False)
    assert not scene.ledger.entries
    assert scene.ledger.stamp != STAMP


def test_a_record_that_the_index_still_shows_but_is_confirmed_is_left_alone(scene: Scene) -> None:
    accepted_at_west(scene, 1)
    record = scene.record
    confirmed = replace(record, unconfirmed=None)
    scene.script.interpose(
        "get_many", lambda: scene.table.records.update({record.payment_id: confirmed})
    )
    assert poster(scene).run() == ran(0, 0, None)


def test_an_unavailable_ledger_ends_the_run(scene: Scene) -> None:
    accepted_at_west(scene, 1)
    scene.script.plan("post", Fault.LOST_REQUEST)
    with pytest.raises(UnavailableError):
        poster(scene).run()
    assert poster(scene).run().posted == 1
