"""Webhooks go to public addresses only, prove the name, follow nothing, and end in time."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fakes.scripted_server import Scripted, ScriptedServer
from payment_dr.adapters import webhook_sender as module
from payment_dr.adapters.webhook_sender import (
    ANSWER_BYTES_MAX,
    TOTAL_S,
    WebhookSender,
    is_public,
)
from payment_dr.core.errors import UnavailableError
from payment_dr.payments.deliveries import Answered, NoAnswer

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
NAME = "hooks.example"
URL = f"https://{NAME}/in?shop=1"
PUBLIC = "93.184.215.14"
HEADERS = {"payment-signature": "t=1,v1=x"}
Senders = Callable[..., WebhookSender]


@dataclass
class Server:
    """Answers each request with the next script; None ends the connection unanswered."""

    answers: list[bytes | None]
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    current: socket.socket | None = None

    def end(self) -> None:
        self.done.set()
        if self.current is not None:
            with suppress(OSError):
                self.current.shutdown(socket.SHUT_RDWR)

    def serve(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        while not self.done.is_set():
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self.current = raw
            try:
                self.converse(raw if tls is None else tls.wrap_socket(raw, server_side=True))
            except OSError:
                raw.close()

    def converse(self, connection: socket.socket) -> None:
        with connection:
            while self.answers:
                request = b""
                while b"\r\n\r\n" not in request or not request.endswith(b"}"):
                    got = connection.recv(65_536)
                    if not got:
                        return
                    request += got
                self.requests.append(request)
                answer = self.answers.pop(0)
                if answer is None:
                    return
                connection.sendall(answer)
            self.done.wait(20)


@contextmanager
def serving(*answers: bytes | None, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    with ExitStack() as undo:
        listener = undo.enter_context(socket.create_server(("127.0.0.1", 0)))
        server = Server(answers=list(answers), port=listener.getsockname()[1])
        thread = threading.Thread(target=server.serve, args=(listener, tls), daemon=True)
        thread.start()
        undo.callback(thread.join, 20)
        undo.callback(listener.shutdown, socket.SHUT_RDWR)
        undo.callback(server.end)
        yield server


@pytest.fixture(name="local_sender")
def local_sender_fixture() -> Iterator[Senders]:
    """Makes senders that may ask loopback and never resolve; they are closed at the end."""
    made: list[WebhookSender] = []

    def sender(total_s: float = TOTAL_S) -> WebhookSender:
        def resolve(name: str, timeout_s: float) -> Sequence[str]:
            raise AssertionError(f"{name} is asked for {timeout_s} s")

        made.append(WebhookSender(resolve, loopback=True, total_s=total_s))
        return made[-1]

    yield sender
    for one in made:
        one.close()


def local(server: Server, path: str = "/hook") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1"),
        *("::ffff:10.0.0.1", "::ffff:93.184.215.14", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1"),
        *("2002:a00:1::", "2001:0:a00:1::", "::10.0.0.1", "2001:db8::1", "no address", ""),
    ],
)
def test_an_address_that_is_not_of_one_public_host_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://user@hooks.example/",
        "https://hooks.example:8443/",
        "http://127.0.0.1:80/",
        "file:///etc/passwd",
    ],
)
def test_a_url_that_may_not_be_asked_is_not_even_resolved(url: str) -> None:
    def resolve(_name: str, _timeout_s: float) -> Sequence[str]:
        raise AssertionError

    assert isinstance(WebhookSender(resolve).send(url, b"{}", HEADERS), NoAnswer)


@pytest.mark.parametrize("found", [["10.0.0.1"], [PUBLIC, "169.254.169.254"], ["::1", PUBLIC]])
def test_one_private_address_among_others_is_enough_to_refuse_the_name(
    found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> socket.socket:
        raise AssertionError

    monkeypatch.setattr(socket, "create_connection", connect)
    sending = WebhookSender(lambda _name, _timeout_s: found)
    assert sending.send(URL, b"{}", HEADERS) == NoAnswer(
        reason=f"{NAME} has an address that is not public"
    )


def test_a_name_that_does_not_resolve_or_has_no_address_is_not_reached() -> None:
    def unresolved(name: str, timeout_s: float) -> Sequence[str]:
        assert 0 < timeout_s <= 2
        raise UnavailableError(f"{name} is not resolved")

    answer = WebhookSender(unresolved).send(URL, b"{}", HEADERS)
    assert answer == NoAnswer(reason=f"{NAME} is not resolved")
    answer = WebhookSender(lambda _name, _timeout_s: ()).send(URL, b"{}", HEADERS)
    assert answer == NoAnswer(reason=f"cannot connect to {NAME}: it has no address")


@pytest.fixture(name="authority", scope="module")
def authority_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of `NAME` that is its own authority, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture(name="dialled")
def dialled_fixture(monkeypatch: pytest.MonkeyPatch) -> Callable[[Server], list[object]]:
    """Lead connections to public addresses to a server of the test, and tell which these were."""
    real = socket.create_connection

    def lead(server: Server) -> list[object]:
        asked: list[object] = []

        def connect(address: tuple[str, int], timeout: float) -> socket.socket:
            asked.append(address)
            if address[0] == "8.8.8.8":
                raise ConnectionRefusedError(111, "Connection refused")
            return real(("127.0.0.1", server.port), timeout)

        monkeypatch.setattr(socket, "create_connection", connect)
        return asked

    return lead


def server_tls(authority: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)
    return context


def trusting(authority: Path, *found: str) -> tuple[WebhookSender, list[str]]:
    asked: list[str] = []

    def resolve(name: str, _timeout_s: float) -> Sequence[str]:
        asked.append(name)
        return found

    return WebhookSender(resolve, tls=ssl.create_default_context(cafile=str(authority))), asked


def test_the_very_address_that_was_resolved_once_is_asked_under_its_name(
    authority: Path, dialled: Callable[[Server], list[object]]
) -> None:
    with serving(OK, OK, tls=server_tls(authority)) as server:
        asked = dialled(server)
        sending, resolved = trusting(authority, "8.8.8.8", PUBLIC)
        assert sending.send(URL, b'{"a":1}', HEADERS) == Answered(status=200)
        assert sending.send(URL, b"{}", HEADERS) == Answered(status=200)
        sending.close()
    assert asked == [("8.8.8.8", 443), (PUBLIC, 443)]
    assert resolved == [NAME]
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /in?shop=1 HTTP/1.1\r\n")
    assert {b"host: hooks.example", b"payment-signature: t=1,v1=x"} <= set(head.split(b"\r\n"))
    assert body == b'{"a":1}'


def test_a_certificate_of_another_name_or_authority_is_refused(
    authority: Path, dialled: Callable[[Server], list[object]]
) -> None:
    with serving(OK, tls=server_tls(authority)) as server:
        dialled(server)
        sending, _ = trusting(authority, PUBLIC)
        other = sending.send("https://other.example/", b"{}", HEADERS)
        unknown = WebhookSender(lambda _name, _timeout_s: [PUBLIC]).send(URL, b"{}", HEADERS)
        for answer in (other, unknown):
            assert isinstance(answer, NoAnswer)
            assert "TLS failed: CERTIFICATE_VERIFY_FAILED" in answer.reason
    assert not server.requests


def test_a_handshake_that_is_not_answered_ends_in_time(
    authority: Path, dialled: Callable[[Server], list[object]]
) -> None:
    with serving(OK) as server:
        dialled(server)
        context = ssl.create_default_context(cafile=str(authority))
        sending = WebhookSender(lambda _name, _timeout_s: [PUBLIC], tls=context, connect_s=0.05)
        answer = sending.send(URL, b"{}", HEADERS)
    assert answer == NoAnswer(reason=f"cannot connect to {NAME}: no answer in time")


def test_a_redirect_is_an_answer_and_is_not_followed(local_sender: Senders) -> None:
    with serving(b"HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n") as server:
        assert local_sender().send(local(server), b"{}", HEADERS) == Answered(status=302)
    assert len(server.requests) == 1


def test_a_connection_is_used_again_and_one_that_was_closed_meanwhile_is_replaced(
    local_sender: Senders,
) -> None:
    with serving(OK, OK, None, OK) as server:
        sending = local_sender()
        for _ in range(3):
            assert sending.send(local(server), b"{}", HEADERS) == Answered(status=200)
        assert server.connections == 2
        assert len(server.requests) == 4
        sending.close()


def test_an_endpoint_that_hangs_up_unanswered_or_refuses_is_no_answer(
    local_sender: Senders,
) -> None:
    with serving(None) as server:
        sending = local_sender()
        answer = sending.send(local(server), b"{}", HEADERS)
        assert answer == NoAnswer(reason="RemoteDisconnected")
    answer = sending.send(local(server), b"{}", HEADERS)
    assert isinstance(answer, NoAnswer)
    assert answer.reason.startswith("cannot connect to 127.0.0.1")


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nx: y", OK[:-1]])
def test_an_answer_that_does_not_end_is_given_up(begin: bytes, local_sender: Senders) -> None:
    with serving(begin) as server:
        answer = local_sender(total_s=0.05).send(local(server), b"{}", HEADERS)
    assert answer == NoAnswer(reason="no answer in time")


def test_bytes_that_trickle_in_do_not_make_it_last_longer(local_sender: Senders) -> None:
    ended = threading.Event()
    with ExitStack() as undo:
        listener = undo.enter_context(socket.create_server(("127.0.0.1", 0)))

        def trickle() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
                    while not ended.wait(0.01):
                        connection.sendall(b"y")
                except OSError:
                    return

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        undo.callback(thread.join, 20)
        undo.callback(ended.set)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert local_sender(total_s=0.1).send(url, b"{}", HEADERS) == NoAnswer(
            reason="no answer in time"
        )


def test_a_connection_on_which_more_than_the_beginning_of_an_answer_waits_is_not_used_again(
    local_sender: Senders,
) -> None:
    with ScriptedServer(Scripted(body=b"x" * 2 * ANSWER_BYTES_MAX)).running() as server:
        sending = local_sender()
        for _ in range(2):
            assert sending.send(f"{server.url}/", b"{}", HEADERS) == Answered(status=200)
    assert len({asked.connection for asked in server.asked}) == 2


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-server\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200]
)
def test_what_is_not_an_answer_is_told_without_its_words(
    answer: bytes, local_sender: Senders
) -> None:
    with serving(answer) as server:
        got = local_sender().send(local(server), b"{}", HEADERS)
    assert isinstance(got, NoAnswer)
    assert got.reason in {"BadStatusLine", "HTTPException"}


def test_a_path_that_http_cannot_send_is_no_answer(local_sender: Senders) -> None:
    with serving(OK) as server:
        answer = local_sender().send(local(server, "/a b"), b"{}", HEADERS)
    assert answer == NoAnswer(reason="InvalidURL")


def test_a_connection_that_has_waited_too_long_is_not_used_again(
    local_sender: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_IDLE_S", 0.0)
    with ScriptedServer(Scripted()).running() as server:
        sending = local_sender()
        for _ in range(2):
            assert sending.send(f"{server.url}/", b"{}", HEADERS) == Answered(status=200)
    assert len({asked.connection for asked in server.asked}) == 2


def test_only_so_many_idle_connections_are_kept(
    local_sender: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_IDLE_MAX", 0)
    with ScriptedServer(Scripted()).running() as server:
        sending = local_sender()
        for _ in range(2):
            assert sending.send(f"{server.url}/", b"{}", HEADERS) == Answered(status=200)
    assert len({asked.connection for asked in server.asked}) == 2


def test_without_time_nothing_is_asked(local_sender: Senders) -> None:
    with serving(OK) as server:
        answer = local_sender(total_s=0.0).send(local(server), b"{}", HEADERS)
    assert answer == NoAnswer(reason="cannot connect to 127.0.0.1: no answer in time")
    assert not server.requests
