"""What a link does while it passes: order, half-closes, resets, delay, backpressure."""

import asyncio
from pathlib import Path

import pytest

from lab.wires import run, spec, until, unused_port, wire, wire_to
from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.events import EventLog
from payment_dr.lab.network import connection
from payment_dr.lab.network.links import Link

MIB = 1024 * 1024


def test_bytes_pass_both_ways(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            caller, target = await w.pair()
            caller.send(b"question")
            await target.hears(b"question")
            target.send(b"answer")
            await caller.hears(b"answer")

    run(scene)


def test_bytes_sent_before_the_target_accepted_arrive(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            caller = await w.call()
            caller.send(b"early")
            await until(lambda: bool(w.accepted))
            await w.accepted[0].hears(b"early")

    run(scene)


def test_a_half_closed_caller_still_gets_its_answer_and_then_both_ends_close(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            caller, target = await w.pair()
            caller.send(b"all I have to say")
            caller.transport.write_eof()
            await until(lambda: target.ended)
            target.send(b"answer")
            target.close()
            await caller.hears(b"answer")
            await until(lambda: caller.ended and w.connections == 0)

    run(scene)


def test_a_reset_is_passed_on_in_both_directions(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            caller, target = await w.pair()
            caller.slam()
            await until(lambda: target.reset)
            other, target = await w.pair()
            target.slam()
            await until(lambda: other.reset and w.connections == 0)

    run(scene)


def test_a_reset_stays_behind_the_bytes_sent_before_it(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path, delay_ms=30) as w:
            caller, target = await w.pair()
            target.send(b"last words")
            await asyncio.sleep(0)
            caller.send(b"x")
            await until(lambda: bool(target.received))
            target.slam()
            await until(lambda: caller.reset)
            assert bytes(caller.received) == b"last words"

    run(scene)


def test_a_delay_is_added_each_way_and_does_not_limit_throughput(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path, delay_ms=40) as w:
            caller, target = await w.pair()
            loop = asyncio.get_running_loop()
            start = loop.time()
            caller.send(b"ping")
            await target.hears(b"ping")
            one_way = loop.time() - start
            target.send(b"pong")
            await caller.hears(b"pong")
            assert one_way >= 0.039
            assert loop.time() - start >= 0.078
            start = loop.time()
            for _ in range(64):
                caller.send(bytes(MIB // 16))
            await until(lambda: len(target.received) == 4 + 4 * MIB)
            assert loop.time() - start < 40 * 0.04

    run(scene)


def test_lowering_the_delay_keeps_the_order(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path, delay_ms=60) as w:
            caller, target = await w.pair()
            caller.send(b"slow ")
            await until(lambda: w.connections == 1)
            await asyncio.sleep(0.005)
            await w.link.change(delay_ms=0)
            caller.send(b"fast")
            await target.hears(b"slow fast")

    run(scene)


def test_a_sender_waits_while_the_target_does_not_read_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUFFER_MAX_BYTES", MIB)

    async def scene() -> None:
        async with wire(tmp_path) as w:
            caller, target = await w.pair()
            target.transport.pause_reading()
            data = bytes(range(256)) * (128 * 1024)
            caller.send(data)
            await asyncio.sleep(0.2)
            assert caller.transport.get_write_buffer_size() > 8 * MIB
            target.transport.resume_reading()
            await target.hears(data)

    run(scene)


def test_a_waiting_sender_that_dies_is_noticed_and_what_it_sent_arrives_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUFFER_MAX_BYTES", MIB)

    async def scene() -> None:
        async with wire(tmp_path) as w:
            caller, target = await w.pair()
            target.transport.pause_reading()
            caller.send(bytes(32 * MIB))
            await asyncio.sleep(0.1)
            caller.slam()
            await until(lambda: caller.closed)
            for _ in range(3):
                target.send(b"are you there?")
                await asyncio.sleep(0.01)
            target.transport.resume_reading()
            await until(lambda: target.reset and w.connections == 0)
            assert len(target.received) > MIB

    run(scene)


def test_bytes_for_an_end_that_was_reset_are_dropped(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path, delay_ms=30) as w:
            caller, target = await w.pair()
            target.send(b"into the void")
            caller.slam()
            await until(lambda: caller.closed)
            await asyncio.sleep(0.01)
            target.send(b" and more")
            await until(lambda: target.reset and w.connections == 0)

    run(scene)


def test_a_target_that_refuses_resets_the_caller(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire_to(tmp_path, unused_port()) as w:
            caller = await w.call()
            await until(lambda: caller.reset and w.connections == 0)

    run(scene)


def test_connections_above_the_bound_are_reset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payment_dr.lab.network.links.CONNECTIONS_MAX", 1)

    async def scene() -> None:
        async with wire(tmp_path) as w:
            first, target = await w.pair()
            second = await w.call()
            await until(lambda: second.reset)
            first.send(b"still there")
            await target.hears(b"still there")

    run(scene)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    async def scene() -> None:
        async with wire(tmp_path) as w:
            with EventLog(tmp_path / "other.jsonl") as events:
                second = Link(spec(w.listen[1], 1), events)
                with pytest.raises(PaymentDrError, match=f"127.0.0.1:{w.listen[1]}"):
                    await second.start()

    run(scene)
