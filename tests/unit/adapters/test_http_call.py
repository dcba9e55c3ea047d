"""One HTTP request: what comes back, and what is known when nothing does."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from payment_dr.adapters.http_call import Answer, call
from payment_dr.core.errors import UnavailableError


class Echo(BaseHTTPRequestHandler):
    """Answers 418 with method, path, one header and the body."""

    # pylint: disable=invalid-name; http.server gives the names
    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        said = f"{self.command} {self.path} {self.headers.get('x-test')} ".encode()
        self.send_response(418)
        self.end_headers()
        self.wfile.write(said + self.rfile.read(length))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        """Stay silent."""


@pytest.fixture(name="url", scope="module")
def url_fixture() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_any_status_is_an_answer(url: str) -> None:
    answer = call("POST", f"{url}/v1", timeout_s=5, headers={"x-test": "yes"}, body=b"body")
    assert answer == Answer(status=418, body=b"POST /v1 yes body")
    assert call("GET", url, timeout_s=5).body == b"GET / None "


def test_a_refused_connection_has_done_nothing() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(UnavailableError) as caught:
            call("POST", f"http://127.0.0.1:{unused.getsockname()[1]}/", timeout_s=5)
    assert caught.value.definite


@pytest.mark.parametrize(("method", "definite"), [("POST", False), ("GET", True)])
def test_silence_after_sending_leaves_a_write_in_doubt(method: str, *, definite: bool) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(UnavailableError) as caught,
    ):
        call(method, f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=0.05)
    assert caught.value.definite is definite


def test_an_https_url_is_spoken_to_by_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard: list[bytes] = []

        def hang_up() -> None:
            connection, _ = server.accept()
            heard.append(connection.recv(3))
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(UnavailableError):
            call("GET", f"https://127.0.0.1:{server.getsockname()[1]}/", timeout_s=5)
        thread.join()
    assert heard == [b"\x16\x03\x01"], "a TLS handshake"
