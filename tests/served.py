"""A small spec that is served, and a client that sends requests as its page does, or as others do."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from archcalc.commands.serve import server as serving
from archcalc.commands.serve.opened import Opened

SPEC = """\
architecture: small
parameters: {width: 4, bias: true, kernels: [3]}
input: [3, 8, 8]
layers:
  - conv: {out: width, kernel: 3, bias: bias}
  - relu
expect:
  params: 112
"""
BROKEN = SPEC.replace("kernel: 3", "kernel: 9")


def drafted(text: str = SPEC, base: str = "", **settings: str) -> dict[str, Any]:
    return {"base": base, "text": text, "settings": settings}


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def data(self) -> Any:
        return json.loads(self.text)


class Client:
    """Sends requests to a server: by default as its own page does."""

    def __init__(self, server: serving.Server) -> None:
        self.server = server
        self.host = server.hosts[0]
        self.own = {
            "Origin": f"http://{self.host}",
            "X-Token": server.site.token,
            "Content-Type": "application/json",
        }

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {**({} if body is None else self.own), **named}
        with closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            if "Host" not in given:
                connection.putheader("Host", self.host)
            if body is not None and "Content-Length" not in given:
                connection.putheader("Content-Length", str(len(body)))
            for name, value in given.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read().decode())

    def ask(self, path: str, data: Any, **headers: str | None) -> Reply:
        return self.request("POST", path, json.dumps(data).encode(), **headers)


@contextmanager
def serve(path: Path) -> Iterator[Client]:
    """A client of a server that was opened on a new file with the spec."""
    path.write_text(SPEC, "utf-8")
    with serving.listening(Opened.of(str(path)), 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Client(server)
        server.shutdown()
        thread.join()
