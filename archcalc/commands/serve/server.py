"""The server of the page: on the loopback interface alone, for its own page alone.

A page from elsewhere that runs in the same browser can send requests here. It gets nothing done: a request must name
this server in `Host` (which a name that was made to point here does not), and one that makes it work must come from
its own page, by `Origin`, and bring the token that is in that page. Sizes, times and numbers of requests are bounded.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from archcalc.commands.serve import page
from archcalc.commands.serve.opened import Conflict, Opened
from archcalc.commands.serve.worker import Worker
from archcalc.diagnostics.diagnostic import UsageError

_LOOPBACK = "127.0.0.1"
#: Bytes of a request's body; a spec has a few thousand.
MOST_BYTES = 2_000_000
#: Requests that are served at the same time.
_MOST_AT_ONCE = 16
#: Seconds that a client may be silent.
_SILENCE = 10

#: What the page asks of the process that answers.
_ASKED = ("report", "rest", "explain", "open")


class Site:
    """What is served: the page, and what it asks for."""

    def __init__(self, opened: Opened, worker: Worker) -> None:
        self.token = secrets.token_urlsafe(32)
        self._opened = opened
        self._worker = worker
        self._saving = threading.Lock()
        self.routes: dict[str, Callable[[Mapping[str, Any]], tuple[HTTPStatus, dict[str, Any]]]] = {
            "/save": self._save,
            **{f"/{kind}": self._asking(kind) for kind in _ASKED},
        }

    def page(self, nonce: str) -> str:
        """The page, whose script has the nonce."""
        return page.document(self._opened, self.token, nonce)

    def _asking(self, kind: str) -> Callable[[Mapping[str, Any]], tuple[HTTPStatus, dict[str, Any]]]:
        return lambda data: (HTTPStatus.OK, self._worker.ask(kind, data))

    def _save(self, data: Mapping[str, Any]) -> tuple[HTTPStatus, dict[str, Any]]:
        text, seen = data.get("text"), data.get("seen")
        if not isinstance(text, str) or not isinstance(seen, str):
            raise UsageError("what is saved has a text, and what was seen of the file")
        with self._saving:
            try:
                return HTTPStatus.OK, {"seen": self._opened.save(text, seen)}
            except Conflict as conflict:
                return HTTPStatus.CONFLICT, {"error": str(conflict), "seen": conflict.seen}


class Server(ThreadingHTTPServer):
    """Serves a site on the loopback interface."""

    daemon_threads = True
    allow_reuse_address = os.name == "posix"  # elsewhere it would let two programs have one port

    def __init__(self, port: int, site: Site) -> None:
        self.site = site
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__((_LOOPBACK, port), _Handler)
        self.hosts = tuple(f"{name}:{self.server_port}" for name in (_LOOPBACK, "localhost"))

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{self.hosts[0]}/"

    def server_bind(self) -> None:
        """Bind, and look up no name: that can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(self.allow_reuse_address))
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = _LOOPBACK, int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a request in a thread, or none of it where there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a request, in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to tell of."""


@contextmanager
def listening(opened: Opened, port: int) -> Iterator[Server]:
    """A server for a spec; UsageError for a port that cannot be had."""
    worker = Worker(opened.path)
    try:
        try:
            server = Server(port, Site(opened, worker))
        except OSError as error:
            reason = error.strerror or str(error)
            raise UsageError(f"cannot serve on port {port}: {reason}; --port 0 takes any that is free") from None
        with server:
            yield server
    finally:
        worker.close()


class _Handler(BaseHTTPRequestHandler):
    """One request: refused, or the page, or an answer as JSON."""

    server: Server
    timeout = _SILENCE
    server_version = "archcalc"
    sys_version = ""

    def parse_request(self) -> bool:
        """Read the head of a request; False for one that is refused."""
        if not super().parse_request():
            return False
        refused = self._refusal()
        if refused is not None:
            self._refuse(*refused)
        return refused is None

    def _refusal(self) -> tuple[HTTPStatus, str] | None:
        """Why a request is refused, whatever its body; None for one that is not."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0] not in self.server.hosts:
            return HTTPStatus.MISDIRECTED_REQUEST, "this server has another name"
        if self.path == "/":
            return None if self.command == "GET" else (HTTPStatus.METHOD_NOT_ALLOWED, "the page is read with GET")
        if self.path not in self.server.site.routes:
            return HTTPStatus.NOT_FOUND, "there is no such page"
        if self.command != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED, "requests are made with POST"
        if self.headers.get("Origin") != f"http://{hosts[0]}":
            return HTTPStatus.FORBIDDEN, "the request is not from the page of this server"
        if not hmac.compare_digest(self.headers.get("X-Token", "").encode(), self.server.site.token.encode()):
            return HTTPStatus.FORBIDDEN, "the page is of an earlier run of archcalc serve: reload it"
        if self.headers.get_content_type() != "application/json":
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a request is JSON"
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return HTTPStatus.LENGTH_REQUIRED, "a request states its length"
        if len(length) > 9 or int(length) > MOST_BYTES:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has up to {MOST_BYTES:,} bytes"
        return None

    def do_GET(self) -> None:
        """The page."""
        nonce = secrets.token_urlsafe(16)
        self._send(HTTPStatus.OK, self.server.site.page(nonce).encode(), "text/html; charset=utf-8", page.policy(nonce))

    def do_POST(self) -> None:
        """An answer."""
        try:
            data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        except (ValueError, RecursionError):
            self._refuse(HTTPStatus.BAD_REQUEST, "the request is not JSON")
            return
        if not isinstance(data, dict):
            self._refuse(HTTPStatus.BAD_REQUEST, "a request is a JSON object")
            return
        try:
            status, answer = self.server.site.routes[self.path](data)
        except UsageError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
            return
        self._send(status, _json(answer), "application/json")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._send(status, _json({"error": why}), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, kind: str, policy: str = "default-src 'none'") -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }.items():
            self.send_header(name, value)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET" if self.path == "/" else "POST")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is the user's."""


def _json(data: Mapping[str, Any]) -> bytes:
    # Half of a surrogate pair, which JSON can escape and UTF-8 cannot write, stays escaped.
    return json.dumps(data, separators=(",", ":")).encode("ascii")
