"""The supervisor's HTTP control port: status, database moves, sites, and the end.

A request that was refused gets 409 with what happened and what to do; nothing else is answered
than what `_ROUTES` names. Bodies are small.
"""

import json
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Protocol

from payment_dr.core.errors import PaymentDrError

_BODY_BYTES_MAX: Final = 4096
_SOCKET_TIMEOUT_S: Final = 10
_END_TIMEOUT_S: Final = 2.0
_ROUTES: Final = (
    "GET /status, POST /databases/failover, POST /databases/switchover, "
    "POST /databases/first-user, POST /deployment, "
    "POST /sites/<site>/kill, POST /sites/<site>/start, "
    "POST /sites/<site>/backup-verification, POST /shutdown"
)


class Controlled(Protocol):
    """What the control port controls; `supervisor.Lab` is one."""

    def status(self) -> Mapping[str, Any]:
        """A JSON document of the lab's state."""
        ...

    def promote(self, site: str) -> None:
        """Make the site's database the writer, losing its lag."""
        ...

    def switchover(self, site: str) -> None:
        """Make the site's database the writer, without loss."""
        ...

    def kill_site(self, site: str) -> None:
        """Lose the site."""
        ...

    def start_site(self, site: str) -> None:
        """Bring the site back."""
        ...

    def verify_backup(self, site: str, run: str) -> Mapping[str, Any]:
        """One pass of verifying the site's backups."""
        ...

    def take_first_user(self, name: str, password: str) -> None:
        """Give the ledger the first user of a deployment."""
        ...

    def adopt(self, merchant_keys: Mapping[str, str]) -> None:
        """Run what was deployed."""
        ...

    def ask_to_end(self) -> None:
        """Let whoever runs the lab end it; returns at once."""
        ...


class ControlServer:
    """Serves on a socket that already listens, each request in a thread of its own."""

    def __init__(self, listener: socket.socket, controlled: Controlled) -> None:
        class Handler(_Handler):
            target = controlled

        self._server = ThreadingHTTPServer(listener.getsockname(), Handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listener
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="control", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving and close the socket."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_END_TIMEOUT_S)


class _Handler(BaseHTTPRequestHandler):
    target: Controlled
    timeout = _SOCKET_TIMEOUT_S
    protocol_version = "HTTP/1.1"

    # pylint: disable=invalid-name; http.server gives the names
    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by http.server
        """Stay silent: what matters is in the events."""

    def _serve(self) -> None:
        length = self._length()
        if length is None:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "the body is too large"})
            return
        try:
            action = self._action(self.rfile.read(length))
        except (ValueError, KeyError, TypeError) as error:
            self._answer(HTTPStatus.BAD_REQUEST, {"error": f"the body lacks something: {error!r}"})
            return
        if action is None:
            self._answer(HTTPStatus.NOT_FOUND, {"error": f"accepted are {_ROUTES}"})
            return
        try:
            self._answer(HTTPStatus.OK, action() or {})
        except PaymentDrError as error:
            refusal = {"error": error.what, "remedy": error.remedy, "definite": error.definite}
            self._answer(HTTPStatus.CONFLICT, refusal)

    def _length(self) -> int | None:
        """Length of the body; None when it is more than is read, or no length."""
        given = self.headers.get("content-length") or "0"
        known = given.isascii() and given.isdecimal() and int(given) <= _BODY_BYTES_MAX
        return int(given) if known else None

    def _action(self, body: bytes) -> Callable[[], Mapping[str, Any] | None] | None:
        match self.command, self.path.strip("/").split("/"):
            case "GET", ["status"]:
                return self.target.status
            case "POST", parts:
                return self._change(parts, body)
            case _:
                return None

    def _change(
        self, parts: list[str], body: bytes
    ) -> Callable[[], Mapping[str, Any] | None] | None:
        target = self.target
        moves = {"failover": target.promote, "switchover": target.switchover}
        match parts:
            case ["shutdown"]:
                return target.ask_to_end
            case ["deployment"]:
                return partial(target.adopt, dict(json.loads(body)["merchant_keys"]))
            case ["databases", "first-user"]:
                user = json.loads(body)
                return partial(target.take_first_user, str(user["name"]), str(user["password"]))
            case ["databases", move] if move in moves:
                return partial(moves[move], str(json.loads(body)["site"]))
            case ["sites", site, change]:
                return self._change_of_site(site, change, body)
            case _:
                return None

    def _change_of_site(
        self, site: str, change: str, body: bytes
    ) -> Callable[[], Mapping[str, Any] | None] | None:
        match change:
            case "kill":
                return partial(self.target.kill_site, site)
            case "start":
                return partial(self.target.start_site, site)
            case "backup-verification":
                return partial(self.target.verify_backup, site, str(json.loads(body)["run"]))
            case _:
                return None

    def _answer(self, status: HTTPStatus, document: Mapping[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
