"""What a link does when it is severed, healed or closed: what is lost, what waits, who is reset."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from lab.wires import LOOPBACK, Peer, Wire, run, until, wire, wire_to
from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.network import connection
from payment_dr.lab.network.links import Mode


async def settled(w: Wire) -> None:
    """Every byte sent before has been read by the link: a later connection got through it."""
    caller = await w.call()
    before = w.connections
    await until(lambda: w.connections >= before)
    caller.slam()
    await until(lambda: caller.closed)


async def sever(w: Wire) -> None:
    await w.link.change(Mode.BLACKHOLE)


async def heal(w: Wire) -> None:
    await w.link.change(Mode.PASS)


def test_a_severed_connection_stays_open_and_goes_on_where_it_was_when_healed(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            caller, target = await w.pair()
            await sever(w)
            caller.send(b"question")
            target.send(b"notice")
            await settled(w)
            assert caller.silent
            assert target.silent
            await heal(w)
            await target.hears(b"question")
            await caller.hears(b"notice")
            caller.send(b", and another")
            await target.hears(b"question, and another")

    run(scene)


def test_what_a_caller_sent_before_it_gave_up_is_never_delivered(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            caller, target = await w.pair()
            await sever(w)
            caller.send(b"pay 100")
            caller.close()
            await until(lambda: caller.closed)
            await settled(w)
            assert target.silent
            await heal(w)
            await until(lambda: target.closed)
            assert target.reset
            assert not target.received
            await until(lambda: w.connections == 0)

    run(scene)


def test_a_caller_that_closes_just_before_the_healing_has_given_up_too(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            caller, target = await w.pair()
            await sever(w)
            caller.send(b"pay 100")
            caller.close()
            await heal(w)
            await until(lambda: target.closed)
            assert not target.received

    run(scene)


def test_a_connection_made_while_severed_opens_when_healed_if_the_caller_still_waits(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            await sever(w)
            patient, hasty = await w.call(), await w.call()
            patient.send(b"still here")
            hasty.send(b"never mind")
            hasty.close()
            await until(lambda: hasty.closed and w.connections == 1)
            assert not w.accepted
            await heal(w)
            await until(lambda: len(w.accepted) == 1)
            await w.accepted[0].hears(b"still here")

    run(scene)


def test_bytes_on_their_way_when_the_link_is_severed_are_lost_with_their_sender(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with wire(tmp_path, delay_ms=20) as w:
            caller, target = await w.pair()
            for number in range(5):
                caller.send(b"commit %d;" % number)
                await asyncio.sleep(0.01)
            await sever(w)
            caller.slam()
            await settled(w)
            arrived = bytes(target.received)
            await heal(w)
            await until(lambda: target.reset)
            assert bytes(target.received) == arrived
            assert b"commit 4" not in arrived

    run(scene)


@pytest.mark.parametrize("farewell", [Peer.close, Peer.slam])
def test_bytes_of_a_sender_that_died_before_the_link_was_severed_are_lost_if_still_on_their_way(
    tmp_path: Path, farewell: Callable[[Peer], None]
) -> None:
    async def scene() -> None:
        async with wire(tmp_path, delay_ms=200) as w:
            caller, target = await w.pair()
            caller.send(b"commit")
            farewell(caller)
            await settled(w)
            await sever(w)
            await heal(w)
            await until(lambda: target.closed)
            assert not target.received

    run(scene)


def test_bytes_of_a_sender_that_died_without_a_cut_still_arrive(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path, delay_ms=20) as w:
            caller, target = await w.pair()
            caller.send(b"commit")
            caller.close()
            await target.hears(b"commit")
            await until(lambda: target.ended)

    run(scene)


def test_a_sender_that_filled_a_severed_link_is_reset_when_it_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUFFER_MAX_BYTES", 64 * 1024)

    async def scene() -> None:
        async with wire(tmp_path) as w:
            caller, target = await w.pair()
            await sever(w)
            caller.send(bytes(32 * 1024 * 1024))
            await asyncio.sleep(0.1)
            assert caller.transport.get_write_buffer_size() > 0
            assert target.silent
            await heal(w)
            await until(lambda: caller.closed and target.closed)
            assert not target.received

    run(scene)


def test_an_end_whose_own_time_out_acts_while_severed_is_not_heard_by_the_other(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            caller, target = await w.pair()
            await sever(w)
            target.slam()
            await settled(w)
            assert caller.silent
            caller.close()
            await until(lambda: caller.closed and w.connections == 0)
            await heal(w)

    run(scene)


def test_refusing_refuses_new_connections_and_resets_open_ones(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path, delay_ms=50) as w:
            caller, target = await w.pair()
            caller.send(b"lost")
            await settled(w)
            await w.link.change(Mode.REFUSE)
            await until(lambda: caller.reset and target.reset)
            assert not target.received
            with pytest.raises(ConnectionRefusedError):
                await w.call()
            await heal(w)
            again, target = await w.pair()
            again.send(b"back")
            await target.hears(b"back")

    run(scene)


def test_a_link_goes_from_refusing_to_severed_and_back(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            await w.link.change(Mode.REFUSE)
            await sever(w)
            caller = await w.call()
            caller.send(b"hello")
            await settled(w)
            assert caller.silent
            await w.link.change(Mode.REFUSE)
            await until(lambda: caller.reset)

    run(scene)


def test_a_port_taken_while_refusing_is_named_and_the_link_keeps_refusing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            await w.link.change(Mode.REFUSE)
            with socket.socket() as thief:
                thief.bind(w.listen)
                thief.listen()
                with pytest.raises(PaymentDrError, match="cannot listen"):
                    await heal(w)
            assert w.link.view["mode"] == "refuse"
            await heal(w)

    run(scene)


@contextlib.asynccontextmanager
async def stuck_target(directory: Path) -> AsyncIterator[tuple[Wire, socket.socket]]:
    """A target whose queue of connections is full: connecting to it hangs."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        filler = sockets.enter_context(socket.socket())
        filler.connect(listener.getsockname())
        async with wire_to(directory, listener.getsockname()[1]) as made:
            yield made, listener


def test_a_target_that_does_not_accept_in_time_resets_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", 0.05)

    async def scene() -> None:
        async with stuck_target(tmp_path) as (w, _):
            caller = await w.call()
            await until(lambda: caller.reset and w.connections == 0)

    run(scene)


def test_a_target_that_does_not_accept_while_severed_is_noticed_only_after_healing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", 0.05)

    async def scene() -> None:
        async with stuck_target(tmp_path) as (w, _):
            caller = await w.call()
            await until(lambda: w.connections == 1)
            await sever(w)
            await asyncio.sleep(0.1)
            assert caller.silent
            await heal(w)
            await until(lambda: caller.reset and w.connections == 0)

    run(scene)


def test_a_link_healed_while_it_still_connects_delivers_when_it_has(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stuck_target(tmp_path) as (w, listener):
            caller = await w.call()
            caller.send(b"hello")
            await until(lambda: w.connections == 1)
            await sever(w)
            await heal(w)
            loop = asyncio.get_running_loop()
            listener.settimeout(0)
            async with asyncio.timeout(10):
                (await loop.sock_accept(listener))[0].close()
                arrived, _ = await loop.sock_accept(listener)
                with arrived:
                    assert await loop.sock_recv(arrived, 16) == b"hello"

    run(scene)


def test_a_caller_that_resets_before_the_target_accepted_is_forgotten(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stuck_target(tmp_path) as (w, _):
            caller = await w.call()
            await until(lambda: w.connections == 1)
            caller.slam()
            await until(lambda: w.connections == 0)

    run(scene)
