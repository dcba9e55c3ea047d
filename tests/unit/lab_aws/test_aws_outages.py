"""The HTTP server: regions that refuse or never answer, on connections that were open before."""

import asyncio
import http.client
import socket
from collections.abc import Iterator

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from fakes.aws import EAST, WEST, CloudUnderTest
from fakes.loop_thread import LoopThread
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.aws.cloud import Outage
from payment_dr.lab.aws.regions import RegionState
from payment_dr.lab.http_server import HttpServer, Request, Response

QUIET_S = 0.3


def test_a_region_that_refuses_drops_open_connections_and_takes_no_new_ones(
    cloud: CloudUnderTest,
) -> None:
    client = cloud.client("dynamodb", WEST)
    client.list_tables()
    cloud.change(WEST, RegionState.DOWN, Outage.REFUSE)
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        client.list_tables()
    with pytest.raises(EndpointConnectionError):
        client.list_tables()
    cloud.client("dynamodb", EAST).list_tables()
    cloud.change(WEST, RegionState.UP)
    client.list_tables()


def test_a_black_hole_answers_neither_open_nor_new_connections(cloud: CloudUnderTest) -> None:
    client = cloud.client("dynamodb", WEST, read_timeout=QUIET_S)
    client.list_tables()
    cloud.change(WEST, RegionState.DOWN, Outage.BLACKHOLE)
    for asking in (client, cloud.client("dynamodb", WEST, read_timeout=QUIET_S)):
        with pytest.raises(ReadTimeoutError):
            asking.list_tables()
    cloud.change(WEST, RegionState.UP)
    client.list_tables()


def test_what_a_region_swallowed_is_never_done_after_it_healed(cloud: CloudUnderTest) -> None:
    cloud.change(WEST, RegionState.DOWN, Outage.BLACKHOLE)
    client = cloud.client("dynamodb", WEST, read_timeout=QUIET_S)
    item = {"payment_id": {"S": "swallowed"}}
    with pytest.raises(ReadTimeoutError):
        client.put_item(TableName=cloud.table, Item=item)
    cloud.change(WEST, RegionState.UP)
    found = client.get_item(TableName=cloud.table, Key=item, ConsistentRead=True)
    assert "Item" not in found


def test_a_refusing_region_may_become_a_black_hole_and_the_other_way_round(
    cloud: CloudUnderTest,
) -> None:
    client = cloud.client("dynamodb", WEST, read_timeout=QUIET_S)
    cloud.change(WEST, RegionState.DOWN, Outage.REFUSE)
    cloud.change(WEST, RegionState.DOWN, Outage.BLACKHOLE)
    with pytest.raises(ReadTimeoutError):
        client.list_tables()
    cloud.change(WEST, RegionState.DOWN, Outage.REFUSE)
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        client.list_tables()


async def echo(request: Request) -> Response | None:
    if request.path == "/fail":
        raise ValueError(request.path)
    if request.path == "/never":
        return None
    if request.path == "/slow":
        await asyncio.sleep(QUIET_S)
    body = f"{request.method} {request.path} {request.query} {request.body.decode()}".encode()
    return Response(status=200, body=body, headers={"seen": request.headers.get("x-test", "")})


@pytest.fixture(name="server")
def echo_server(loop: LoopThread) -> Iterator[HttpServer]:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    server = HttpServer(port, echo)
    loop.open(server)
    yield server
    loop.call(server.refuse)


def connect(server: HttpServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(LOOPBACK, server.port, timeout=5)


def test_requests_on_one_connection_are_answered_in_turn(server: HttpServer) -> None:
    connection = connect(server)
    for number in range(3):
        connection.request("POST", f"/a?b={number}", "body", {"X-Test": "yes"})
        answer = connection.getresponse()
        assert answer.read() == f"POST /a b={number} body".encode()
        assert answer.headers["seen"] == "yes"
    connection.close()


def test_an_answer_to_head_has_no_body(server: HttpServer) -> None:
    connection = connect(server)
    connection.request("HEAD", "/")
    assert connection.getresponse().read() == b""
    connection.close()


def test_a_handler_that_fails_is_a_500_and_logged(
    server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect(server)
    connection.request("GET", "/fail")
    assert connection.getresponse().status == 500
    connection.close()
    assert "GET /fail failed" in caplog.text


def exchange(server: HttpServer, sent: bytes, timeout: float = 5) -> bytes:
    with socket.create_connection((LOOPBACK, server.port), timeout=timeout) as client:
        client.sendall(sent)
        return client.recv(1000)


def test_a_client_that_waits_to_be_told_to_go_on_is_told(server: HttpServer) -> None:
    request = b"PUT / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    assert exchange(server, request) == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"this is no HTTP\r\n\r\n",
        b"GET /slow HTTP/1.1\r\n\r\n" * 3,
        b"PUT / HTTP/1.1\r\ncontent-length: 9000000\r\n\r\n" + b"x" * 9_000_000,
    ],
    ids=["no HTTP", "pipelined", "huge"],
)
def test_clients_that_do_not_keep_to_the_rules_are_dropped(server: HttpServer, sent: bytes) -> None:
    try:
        answer = exchange(server, sent)
    except (ConnectionResetError, BrokenPipeError):
        answer = b""
    assert answer == b""


def test_a_request_may_be_left_without_an_answer(server: HttpServer) -> None:
    with pytest.raises(TimeoutError):
        exchange(server, b"GET /never HTTP/1.1\r\n\r\n", timeout=QUIET_S)


def test_a_server_that_fell_silent_says_nothing_of_what_it_was_doing(
    server: HttpServer, loop: LoopThread
) -> None:
    with socket.create_connection((LOOPBACK, server.port), timeout=2 * QUIET_S) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
        while not server.connections:
            pass
        loop.run(server.mute())
        client.sendall(b"PUT / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\nxx")
        with pytest.raises(TimeoutError):
            client.recv(100)
        loop.run(server.open())
        assert client.recv(100) == b""


def test_an_answer_for_a_client_that_left_is_dropped(server: HttpServer, loop: LoopThread) -> None:
    with socket.create_connection((LOOPBACK, server.port)) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
        while not server.connections:
            pass
    while server.connections:
        pass
    loop.run(asyncio.sleep(2 * QUIET_S))
    loop.run(server.open())
    assert exchange(server, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200")
