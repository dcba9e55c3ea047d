"""A plugin of Terraform as a process: the handshake, the calls, the end.

Terraform starts the process, reads one line from it, and calls it over TLS at a socket in a
directory that only its user can enter. Terraform offers a certificate of its own as well, on the
curve P-521, which gRPC's library does not take from a client (measured with grpcio 1.85): the
directory is what keeps others out. The process ends when it is told to, when whoever started it
is gone, or after `LONGEST_S`.
"""

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc

from payment_dr.lab.aws_provider.wire.certificate import certificate
from payment_dr.lab.aws_provider.wire.codec import Message
from payment_dr.lab.aws_provider.wire.messages import CODEC

_GRPC: Final[Any] = grpc

COOKIE: Final = "TF_PLUGIN_MAGIC_COOKIE"
COOKIE_VALUE: Final = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
"""By which a plugin tells Terraform from a person; no secret."""

LONGEST_S: Final = 5 * 3600.0
"""More than a deployment may take."""

_THREADS: Final = 10
"""As many resources as Terraform works on at a time."""

_POLL_S: Final = 0.25
_GRACE_S: Final = 0.2
_CONTROLLER: Final = "plugin.GRPCController"
_NO_LIMIT: Final = tuple((f"grpc.max_{way}_message_length", -1) for way in ("send", "receive"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """A call: the messages that it takes and gives, by name, or what it gives as bytes."""

    call: Callable[[Message], Message | bytes]
    request: str = "Empty"
    response: str = "Empty"

    def __call__(self, encoded: bytes) -> bytes:
        """Answer an encoded request."""
        answer = self.call(CODEC.decode(self.request, encoded))
        return answer if isinstance(answer, bytes) else CODEC.encode(self.response, answer)


def serve(service: str, methods: Mapping[str, Method]) -> int:
    """Serve until the end; the process's exit status."""
    if os.environ.get(COOKIE) != COOKIE_VALUE:
        sys.stderr.write("error: this is a provider plugin; Terraform starts it\n")
        return 2
    parent = os.getppid()
    # Ctrl-C reaches every process of a terminal: Terraform alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = threading.Event()
    own = certificate()
    with tempfile.TemporaryDirectory(prefix="payment-dr-") as directory:
        address = Path(directory) / "provider"
        server = _server(service, methods, told)
        credentials = _GRPC.ssl_server_credentials([(own.pem, own.pem)])
        server.add_secure_port(f"unix:{address}", credentials)
        server.start()
        sys.stdout.write(f"1|5|unix|{address}|grpc|{own.encoded}\n")
        sys.stdout.flush()
        wait(told, lambda: os.getppid() == parent)
        server.stop(_GRACE_S).wait()
    return 0


def wait(
    told: threading.Event, has_parent: Callable[[], bool], longest_s: float = LONGEST_S
) -> None:
    """Return when told, when there is no parent any more, or after the longest time."""
    for _ in range(int(longest_s / _POLL_S)):
        if told.wait(_POLL_S) or not has_parent():
            return


def _server(service: str, methods: Mapping[str, Method], told: threading.Event) -> Any:
    def shut_down(_: Message) -> Message:
        told.set()
        return {}

    server = _GRPC.server(ThreadPoolExecutor(_THREADS), options=_NO_LIMIT)
    for name, offered in ((service, methods), (_CONTROLLER, {"Shutdown": Method(call=shut_down)})):
        handlers = {each: _handler(method) for each, method in offered.items()}
        server.add_generic_rpc_handlers((_GRPC.method_handlers_generic_handler(name, handlers),))
    return server


def _handler(method: Method) -> Any:
    """Requests and answers are bytes to gRPC."""

    def answer(encoded: bytes, _context: object) -> bytes:
        return method(encoded)

    return _GRPC.unary_unary_rpc_method_handler(answer)
