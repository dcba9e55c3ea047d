import http.client
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.control import ControlServer
from payment_dr.lab.errors import LabError
from payment_dr.lab.http_call import call_json


@dataclass
class FakeLab:
    port: int
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def status(self) -> dict[str, Any]:
        return {"healthy": ["east"]}

    def promote(self, site: str) -> None:
        self._do("promote", site)

    def switchover(self, site: str) -> None:
        self._do("switchover", site)

    def kill_site(self, site: str) -> None:
        self._do("kill", site)

    def start_site(self, site: str) -> None:
        self._do("start", site)

    def verify_backup(self, site: str, run: str) -> dict[str, Any]:
        self.calls.append(("verify", site, run))
        return {"run": run}

    def take_first_user(self, name: str, password: str) -> None:
        self.calls.append(("first-user", name, password))

    def adopt(self, merchant_keys: Mapping[str, str]) -> None:
        self.calls.append(("adopt", *merchant_keys.values()))

    def ask_to_end(self) -> None:
        self.calls.append(("end",))

    def _do(self, what: str, site: str) -> None:
        if site == "mars":
            raise PaymentDrError("there is no mars", remedy="try venus", definite=False)
        self.calls.append((what, site))


@pytest.fixture(name="lab")
def fixture_lab() -> Iterator[FakeLab]:
    listener = socket.create_server(("127.0.0.1", 0))
    lab = FakeLab(port=listener.getsockname()[1])
    server = ControlServer(listener, lab)
    yield lab
    server.close()


def post(lab: FakeLab, path: str, body: dict[str, Any] | None = None) -> Any:
    return call_json(lab.port, "POST", path, body, timeout_s=5)


def test_the_status_is_served_as_json(lab: FakeLab) -> None:
    assert call_json(lab.port, "GET", "/status", timeout_s=5) == {"healthy": ["east"]}


def test_each_route_does_one_thing(lab: FakeLab) -> None:
    post(lab, "/databases/failover", {"site": "west"})
    post(lab, "/databases/switchover", {"site": "east"})
    post(lab, "/sites/east/kill")
    post(lab, "/sites/east/start")
    post(lab, "/databases/first-user", {"name": "master", "password": "secret"})
    post(lab, "/deployment", {"merchant_keys": {"shop": "key"}})
    verified = post(lab, "/sites/east/backup-verification", {"run": "2026-11-24"})
    assert verified == {"run": "2026-11-24"}
    assert post(lab, "/shutdown") == {}
    assert lab.calls == [
        ("promote", "west"),
        ("switchover", "east"),
        ("kill", "east"),
        ("start", "east"),
        ("first-user", "master", "secret"),
        ("adopt", "key"),
        ("verify", "east", "2026-11-24"),
        ("end",),
    ]


def test_a_refusal_says_what_happened_what_to_do_and_whether_it_is_certain(lab: FakeLab) -> None:
    with pytest.raises(LabError, match=r"409.*no mars.*try venus.*\"definite\": false"):
        post(lab, "/databases/failover", {"site": "mars"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/shutdown"), ("POST", "/databases/drop"), ("POST", "/sites/east/paint")],
)
def test_what_is_not_offered_is_answered_with_what_is(lab: FakeLab, method: str, path: str) -> None:
    with pytest.raises(LabError, match=r"404.*GET /status"):
        call_json(lab.port, method, path, timeout_s=5)
    assert not lab.calls


@pytest.mark.parametrize("body", [{"town": "west"}, None])
@pytest.mark.parametrize("path", ["/databases/failover", "/databases/first-user", "/deployment"])
def test_a_body_that_lacks_something_is_refused(
    lab: FakeLab, path: str, body: dict[str, Any] | None
) -> None:
    with pytest.raises(LabError, match="400"):
        post(lab, path, body)
    assert not lab.calls


@pytest.mark.parametrize("length", ["5000", "-1", "many"])
def test_a_body_of_another_length_than_allowed_is_not_read(lab: FakeLab, length: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=5)
    connection.putrequest("POST", "/shutdown")
    connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    assert not lab.calls


def test_after_its_end_nobody_answers_and_nothing_can_have_happened(lab: FakeLab) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(LabError, match="got no answer") as caught:
        call_json(port, "GET", "/status", timeout_s=5)
    assert caught.value.definite
    assert not lab.calls


def test_a_call_that_is_not_answered_may_have_happened() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(LabError, match="got no answer") as caught:
            call_json(port, "POST", "/shutdown", timeout_s=0.05)
    assert not caught.value.definite


def test_an_empty_answer_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        port = server.getsockname()[1]
        call = pool.submit(call_json, port, "GET", "/", timeout_s=5)
        accepted, _ = server.accept()
        with accepted:
            accepted.recv(4096)
            accepted.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert call.result(5) is None
