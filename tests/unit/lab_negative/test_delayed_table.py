"""The table that others see late."""

from dataclasses import replace

import pytest

from fakes.clock import FakeClock
from fakes.faults import Fault, Script
from fakes.table import FakePaymentsTable
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.lab.negative import delayed_table
from payment_dr.lab.negative.delayed_table import DelayedTable
from payment_dr.payments.ports import Succeeded
from payment_dr.payments.record import Record, shard_of
from payment_dr.payments.requests import PayRequest
from payment_dr.payments.transitions import Author, claim, decided

AUTHOR = Author(owner="east/1", site=SiteName("east"), epoch=Epoch(1), now=1000.0, lease_s=15.0)


def pending(key: str = "key") -> Record:
    request = PayRequest(
        merchant="shop",
        idempotency_key=key,
        money=Money(minor_units=1250, currency="EUR"),
        capture=True,
        payment_method="pm_card_visa",
    )
    return claim(request, AUTHOR)


def captured(record: Record) -> Record:
    return decided(record, Succeeded(reference="ch_1"), 1001.0)


class Site:
    """A process with a delayed view of a shared table."""

    def __init__(self, shared: FakePaymentsTable, clock: FakeClock) -> None:
        self.shared = shared
        self.clock = clock
        self.table = DelayedTable(shared, clock, delay_s=1.0)


@pytest.fixture(name="east")
def first_site() -> Site:
    return Site(FakePaymentsTable(), FakeClock())


def test_a_process_reads_its_own_writes_and_others_do_not(east: Site) -> None:
    record = pending()
    assert east.table.put_if_absent(record) is None
    assert east.table.get(record.payment_id) == record
    assert east.table.get_many([record.payment_id]) == [record]
    assert east.shared.records == {}


def test_nothing_is_delivered_before_its_time(east: Site) -> None:
    east.table.put_if_absent(pending())
    east.clock.advance(0.9)
    assert east.table.deliver(map) == 0
    east.clock.advance(0.1)
    assert east.table.deliver(map) == 1


def test_what_is_delivered_is_the_record_as_it_is_by_then(east: Site) -> None:
    record = pending()
    east.table.put_if_absent(record)
    east.clock.advance(0.5)
    assert east.table.replace(captured(record), based_on=1)
    east.clock.advance(0.5)
    assert east.table.deliver(map) == 1
    assert east.shared.get(record.payment_id) == captured(record)
    east.clock.advance(0.5)
    assert east.table.deliver(map) == 0


def test_a_change_after_the_delivery_is_delivered_in_its_turn(east: Site) -> None:
    record = pending()
    east.table.put_if_absent(record)
    east.clock.advance(1)
    east.table.deliver(map)
    assert east.table.replace(captured(record), based_on=1)
    assert east.shared.get(record.payment_id) == record
    east.clock.advance(1)
    east.table.deliver(map)
    assert east.shared.get(record.payment_id) == captured(record)


def test_a_change_during_the_delivery_is_not_forgotten() -> None:
    script = Script()
    site = Site(FakePaymentsTable(script), FakeClock())
    record = pending()
    site.table.put_if_absent(record)
    site.clock.advance(1)
    script.interpose("put", lambda: site.table.replace(captured(record), based_on=1))
    site.table.deliver(map)
    assert site.table.get(record.payment_id) == captured(record)
    site.clock.advance(1)
    site.table.deliver(map)
    assert site.shared.get(record.payment_id) == captured(record)


def test_the_second_claim_of_a_key_in_one_process_gets_the_first(east: Site) -> None:
    record = pending()
    east.table.put_if_absent(record)
    assert east.table.put_if_absent(replace(record, created_at=2000.0)) == record


def test_a_claim_that_was_delivered_is_seen_by_the_other_process(east: Site) -> None:
    record = pending()
    east.table.put_if_absent(record)
    east.clock.advance(1)
    east.table.deliver(map)
    west = Site(east.shared, east.clock)
    assert west.table.put_if_absent(pending()) == record


def test_a_change_of_another_version_or_of_nothing_is_refused(east: Site) -> None:
    record = pending()
    assert not east.table.replace(captured(record), based_on=1)
    east.table.put_if_absent(record)
    assert not east.table.replace(captured(record), based_on=7)


def test_of_two_processes_the_last_writer_wins(east: Site) -> None:
    record = pending()
    west = Site(east.shared, east.clock)
    east.table.put_if_absent(record)
    west.table.put_if_absent(replace(record, site=SiteName("west")))
    east.clock.advance(1)
    east.table.deliver(map)
    west.table.deliver(map)
    stored = east.shared.get(record.payment_id)
    assert stored is not None
    assert (stored.site, stored.version) == ("west", 2)


def test_indexes_show_what_was_delivered_only(east: Site) -> None:
    record = pending()
    shard = shard_of(record.payment_id)
    east.table.put_if_absent(record)
    assert east.table.open_operations(shard, cursor=None, limit=9).payment_ids == ()
    east.clock.advance(1)
    east.table.deliver(map)
    assert east.table.open_operations(shard, cursor=None, limit=9).payment_ids == (
        record.payment_id,
    )
    assert east.table.unconfirmed(shard, cursor=None, limit=9).payment_ids == ()


def test_a_write_that_the_shared_table_did_not_take_is_delivered_later() -> None:
    script = Script()
    script.plan("put", Fault.REFUSED)
    site = Site(FakePaymentsTable(script), FakeClock())
    site.table.put_if_absent(pending())
    site.clock.advance(1)
    assert site.table.deliver(map) == 0
    assert site.table.deliver(map) == 1


def test_writes_that_wait_are_bounded(east: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delayed_table, "WAITING_MAX", 2)
    east.table.put_if_absent(pending("1"))
    east.table.put_if_absent(pending("2"))
    with pytest.raises(UnavailableError) as caught:
        east.table.put_if_absent(pending("3"))
    assert caught.value.definite
    east.clock.advance(1)
    assert east.table.deliver(map) == 2
