import json
import threading
from pathlib import Path

import pytest

from payment_dr.lab.events import EventLog


def test_an_event_is_one_line_that_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "events" / "network.jsonl"
    with EventLog(path, now_ns=lambda: 17) as log:
        log.write("site-unhealthy", "east", failures=3, path=tmp_path)
        log.write("step")
        lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "time_ns": 17,
            "name": "site-unhealthy",
            "site": "east",
            "detail": {"failures": 3, "path": str(tmp_path)},
        },
        {"time_ns": 17, "name": "step", "site": None, "detail": {}},
    ]


def test_a_second_log_of_the_same_file_appends(tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    for _ in range(2):
        with EventLog(path) as log:
            log.write("started", "west")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


def test_lines_of_many_threads_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "threads.jsonl"
    with EventLog(path) as log:

        def write() -> None:
            for number in range(200):
                log.write("tick", None, number=number, text="x" * 500)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert sum(event["detail"]["number"] for event in events) == 4 * sum(range(200))


def test_nothing_is_written_after_the_close(tmp_path: Path) -> None:
    with EventLog(tmp_path / "x.jsonl") as log:
        pass
    with pytest.raises(ValueError, match="closed"):
        log.write("late")
