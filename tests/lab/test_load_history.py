"""A whole load against a service in memory: what it does, what it writes, how it settles."""

import asyncio
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from lab.fake_service import HOME, KEYS, OTHER, Fault, Service, plan_of, service
from lab.wires import run, until
from payment_dr.lab.http_server import Request
from payment_dr.lab.load import run as run_module
from payment_dr.lab.load.__main__ import perform
from payment_dr.lab.load.history import History
from payment_dr.lab.load.plan import Plan
from payment_dr.lab.load.run import Summary
from payment_dr.lab.network.links import Mode

SHARES = {"duplicates": 0.2, "refunds": 0.2, "reads": 0.2, "key_reuses": 0.1, "declines": 0.1}


class Lines:
    """A history, checked to be whole: numbered, every operation begun and ended once."""

    def __init__(self, path: Path) -> None:
        self.rows: list[dict[str, Any]] = [
            json.loads(line) for line in path.read_text("utf-8").splitlines()
        ]
        assert [row["index"] for row in self.rows] == list(range(len(self.rows)))
        self.invokes = {r["process"]: r for r in self.rows if r["type"] == "invoke"}
        self.ends = {r["process"]: r for r in self.rows if r["type"] != "invoke"}
        assert len(self.invokes) + len(self.ends) == len(self.rows)
        assert self.invokes.keys() == self.ends.keys()
        for process, end in self.ends.items():
            invoke = self.invokes[process]
            same = ("f", "key", "request", "merchant")
            assert [invoke[name] for name in same] == [end[name] for name in same]
            assert invoke["index"] < end["index"]

    def count(self, **wanted: object) -> int:
        return sum(all(end[k] == v for k, v in wanted.items()) for end in self.ends.values())


async def carry_out(
    made: Service, plan: Plan, path: Path, told: asyncio.Event | None = None
) -> Summary:
    with History(path) as history:
        return await perform(made.place, plan, history, told or asyncio.Event())


def test_a_load_pays_repeats_refunds_reads_and_reuses_keys(tmp_path: Path) -> None:
    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            summary = await carry_out(made, plan_of(**SHARES), tmp_path / "history.jsonl")
            assert set(made.effects.values()) == {1}
            assert (summary.unknown, summary.not_sent, summary.info) == (0, 0, 0)
            assert summary.offered + summary.asked_again == summary.ok + summary.fail
            assert summary.offered > 100
            assert summary.asked_again > 100
            assert 0 <= summary.slip_ms_max < 500

    run(scene)
    lines = Lines(tmp_path / "history.jsonl")
    assert lines.count(f="pay", type="ok", http_status=201, replayed=False) > 50
    assert lines.count(f="pay", type="ok", http_status=201, replayed=True) > 50
    assert lines.count(f="pay", type="fail", http_status=402) > 1
    assert lines.count(f="pay", type="fail", http_status=422) > 1
    assert lines.count(f="refund", type="ok", http_status=201) > 3
    assert lines.count(f="read", type="ok", http_status=200, site=HOME) > 50
    assert lines.count() == lines.count(type="ok") + lines.count(type="fail")
    answers: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for end in lines.ends.values():
        if end["f"] == "pay" and end["http_status"] != 422:
            answers[end["merchant"], end["key"]].add(json.dumps(end["value"]))
    assert all(len(values) == 1 for values in answers.values())
    assert {end["merchant"] for end in lines.ends.values()} == set(KEYS)


def test_the_same_seed_asks_for_the_same_payments(tmp_path: Path) -> None:
    async def scene() -> None:
        for number in range(2):
            async with service(tmp_path / f"lab-{number}") as made:
                plan = plan_of(**{**SHARES, "key_reuses": 0}, sample_max=0)
                await carry_out(made, plan, tmp_path / f"{number}.jsonl")

    run(scene)
    first, second = (
        sorted(
            (i["key"], i["request"], i["value"]["amount"], i["value"]["currency"])
            for i in Lines(tmp_path / f"{number}.jsonl").invokes.values()
            if i["f"] == "pay"
        )
        for number in range(2)
    )
    assert first == second
    assert len(set(first)) < len(first)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.SILENT_BEFORE,
        Fault.SILENT_AFTER,
        Fault.IN_PROGRESS,
        Fault.INDETERMINATE,
        Fault.UNAVAILABLE,
        Fault.BROKEN,
    ],
)
def test_what_goes_wrong_twice_is_retried_under_the_same_key_until_it_is_known(
    tmp_path: Path, fault: Fault
) -> None:
    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            tries: Counter[str] = Counter()

            def twice(_site: str, request: Request) -> Fault:
                key = request.headers.get("idempotency-key", request.path)
                tries[key] += 1
                return fault if tries[key] <= 2 else Fault.NONE

            made.fault = twice
            plan = plan_of(rate_per_s=50, timeout_s=0.1, sample_max=0)
            summary = await carry_out(made, plan, tmp_path / "history.jsonl")
            assert summary.unknown == 0
            assert set(made.effects.values()) == {1}

    run(scene)
    Lines(tmp_path / "history.jsonl")


def test_an_outcome_that_stayed_unknown_is_asked_for_again_when_settling(tmp_path: Path) -> None:
    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            told = asyncio.Event()
            made.fault = lambda _s, _r: Fault.NONE if told.is_set() else Fault.SILENT_AFTER
            plan = plan_of(attempts_max=1, timeout_s=0.05, duration_s=60, in_flight_max=5)
            path = tmp_path / "history.jsonl"
            load = asyncio.create_task(carry_out(made, plan, path, told))
            await until(lambda: len(made.payments) > 10)
            told.set()
            summary = await load
            assert summary.info >= summary.not_sent > 0
            assert summary.unknown == 0
            assert set(made.effects.values()) == {1}

    run(scene)
    lines = Lines(tmp_path / "history.jsonl")
    unknown = {end["key"] for end in lines.ends.values() if end["type"] == "info"}
    known = {end["key"] for end in lines.ends.values() if end["type"] != "info"}
    assert unknown
    assert unknown <= known


def test_settling_gives_up_at_its_deadline_and_says_how_much_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "_AT_ONCE", 1)

    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            made.fault = lambda _s, _r: Fault.SILENT_BEFORE
            plan = plan_of(
                rate_per_s=20, attempts_max=3, timeout_s=0.3, duration_s=0.4, settle_s=1.3
            )
            summary = await carry_out(made, plan, tmp_path / "history.jsonl")
            assert summary.unknown == summary.offered > 2
            assert summary.ok == summary.fail == 0

    run(scene)
    lines = Lines(tmp_path / "history.jsonl")
    assert lines.count(type="info", http_status=0) == len(lines.ends)


def test_what_is_under_way_at_the_deadline_ends_unknown(tmp_path: Path) -> None:
    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            made.fault = lambda _s, _r: Fault.SILENT_BEFORE
            plan = plan_of(timeout_s=60, duration_s=0.1, settle_s=0.1)
            summary = await carry_out(made, plan, tmp_path / "history.jsonl")
            assert summary.info == summary.unknown == summary.offered > 0

    run(scene)
    Lines(tmp_path / "history.jsonl")


def test_clients_leave_a_severed_site_and_one_that_the_name_left(tmp_path: Path) -> None:
    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            told = asyncio.Event()
            plan = plan_of(rate_per_s=50, duration_s=60, sample_max=0, declines=0, key_reuses=0)
            path = tmp_path / "history.jsonl"
            load = asyncio.create_task(carry_out(made, plan, path, told))
            await until(lambda: made.requests[HOME] > 10)
            await made.links[HOME].change(Mode.BLACKHOLE)
            made.answering = OTHER
            await until(lambda: made.requests[OTHER] > 50)
            await made.links[HOME].change(Mode.PASS)
            made.answering = HOME
            before = made.requests[HOME]
            await until(lambda: made.requests[HOME] > before + 50)
            quiet = made.requests[OTHER]
            await until(lambda: made.requests[HOME] > before + 100)
            assert made.requests[OTHER] <= quiet + 5
            told.set()
            summary = await load
            assert (summary.unknown, summary.fail) == (0, 0)

    run(scene)
    lines = Lines(tmp_path / "history.jsonl")
    assert lines.count(site=HOME, type="ok") > 10
    assert lines.count(site=OTHER, type="ok") > 10


def test_an_operation_none_of_whose_attempts_can_have_acted_has_failed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            await made.links[HOME].change(Mode.REFUSE)
            plan = plan_of(rate_per_s=50, attempts_max=2)
            summary = await carry_out(made, plan, tmp_path / "history.jsonl")
            assert summary.fail == summary.offered > 0
            assert summary.asked_again == 0

    run(scene)
    Lines(tmp_path / "history.jsonl")


def test_a_load_that_is_told_to_end_at_once_asks_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with service(tmp_path / "lab") as made:
            told = asyncio.Event()
            told.set()
            summary = await carry_out(made, plan_of(), tmp_path / "history.jsonl", told)
            assert summary.offered == summary.asked_again == 0
            assert not made.requests

    run(scene)
    assert not (tmp_path / "history.jsonl").read_bytes()
