"""Whom the zone answers with, asked of its own name servers, and whether a site takes requests."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from dns.exception import Timeout
from dns.message import from_wire, make_response
from dns.name import from_text
from dns.rdatatype import RdataType
from dns.rrset import from_text as rrset

from fakes.recovery_world import EAST, WEST
from payment_dr.adapters import dns_routing
from payment_dr.adapters.dns_routing import DnsRouting, ZoneAnswer, name_servers_of
from payment_dr.adapters.http_call import Answer
from payment_dr.core.errors import UnavailableError

NAME = "api.payments.example"


@contextmanager
def name_server(records: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, int]]:
    """Answers A questions from a table; a CNAME before the addresses, as an alias may have."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                packet, client = server.recvfrom(4096)
                if packet == b"end":
                    return
                question = from_wire(packet)
                reply = make_response(question)
                name = str(question.question[0].name).rstrip(".")
                found = records.get(name, ())
                if found:
                    reply.answer.append(rrset(f"{name}.", 1, "IN", "CNAME", "alias.example."))
                    reply.answer.append(rrset("alias.example.", 1, "IN", "A", *found))
                server.sendto(reply.to_wire(), client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()
        finally:
            server.sendto(b"end", server.getsockname())
            thread.join()


def routing(server: tuple[str, int], **changes: Any) -> DnsRouting:
    return replace(
        DnsRouting(
            site=WEST,
            peer=EAST,
            name=NAME,
            zone=ZoneAnswer(lambda: [server]),
            own_url="http://127.0.2.1:8080",
            peer_health_url=None,
        ),
        **changes,
    )


@pytest.mark.parametrize(
    ("addresses", "site"),
    [(("127.0.2.1",), WEST), (("127.0.1.1",), EAST), (("10.0.0.1", "127.0.2.1"), WEST), ((), None)],
)
def test_the_answer_names_the_site_whose_address_it_has(
    addresses: tuple[str, ...], site: str | None
) -> None:
    with name_server({NAME: addresses}) as server:
        assert routing(server).answer() == site


def test_a_site_may_be_known_by_a_name_of_its_own() -> None:
    own_url = "https://west.payments.example"
    with name_server({NAME: ("10.0.0.2",), "west.payments.example": ("10.0.0.2",)}) as server:
        assert routing(server, own_url=own_url).answer() == WEST
    with name_server({NAME: ("10.0.0.1",), "west.payments.example": ("10.0.0.2",)}) as server:
        assert routing(server, own_url=own_url).answer() == EAST


def test_the_next_name_server_is_asked_when_one_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dns_routing, "DNS_S", 0.05)
    with (
        name_server({NAME: ("127.0.2.1",)}) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent,
    ):
        silent.bind(("127.0.0.1", 0))
        both = ZoneAnswer(lambda: [silent.getsockname(), server])
        assert routing(server, zone=both).answer() == WEST
        alone = ZoneAnswer(lambda: [silent.getsockname()])
        assert routing(server, zone=alone).answer() is None


def answers(status: int) -> Callable[..., Answer]:
    return lambda *_, **__: Answer(status=status, body=b"")


def test_health_is_one_request_to_the_site_that_is_asked_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def call(_method: str, url: str, *, timeout_s: float) -> Answer:
        assert timeout_s == dns_routing.HEALTH_S
        asked.append(url)
        return Answer(status=200, body=b"")

    monkeypatch.setattr(dns_routing, "call", call)
    west = routing(("", 0), peer_health_url="http://127.0.0.1:1/health")
    assert west.healthy(WEST)
    assert west.healthy(EAST)
    assert asked == ["http://127.0.2.1:8080/health", "http://127.0.0.1:1/health"]
    assert not routing(("", 0)).healthy(EAST), "a peer without an address does not answer"

    monkeypatch.setattr(dns_routing, "call", answers(503))
    assert not west.healthy(WEST)

    def silent(*_: object, **__: object) -> Answer:
        raise UnavailableError("nobody there")

    monkeypatch.setattr(dns_routing, "call", silent)
    assert not west.healthy(WEST)


class FakeResolver:
    """Knows the zone's two name servers; `fails` lets it time out."""

    def __init__(self) -> None:
        self.fails = False
        self.asked: list[tuple[str, Any]] = []

    def resolve(self, name: Any, kind: Any = RdataType.A, **_: Any) -> list[str]:
        self.asked.append((str(name), kind))
        if self.fails:
            raise Timeout
        return {"NS": ["ns1.example.", "ns2.example."], "A": [f"addr-of-{name}"]}[kind]


def test_the_zones_name_servers_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = FakeResolver()
    fake: Any = resolver
    monkeypatch.setattr(dns_routing, "zone_for_name", lambda name, **_: from_text(name).parent())
    servers = name_servers_of(NAME, fake)
    resolver.fails = True
    assert not servers(), "an outage of the resolver is not remembered"
    resolver.fails = False
    expected = [("addr-of-ns1.example.", 53), ("addr-of-ns2.example.", 53)]
    assert servers() == expected
    count = len(resolver.asked)
    assert servers() == expected
    assert len(resolver.asked) == count
    assert ("payments.example.", "NS") in resolver.asked
