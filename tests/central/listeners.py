"""A server that answers as a test wants, and remembers what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


@dataclass
class Heard:
    id: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return msgspec.json.decode(self.body)["data"]


@dataclass
class Listener:
    """`answer` gets what was heard and returns a status, or does with the connection what it likes."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answer: Callable[[Heard, BaseHTTPRequestHandler], int | None] = lambda _heard, _handler: 200

    @property
    def taken(self) -> list[tuple[str, int]]:
        """Employee and seq of the records that were answered with 2xx, in their order."""
        return [(each.data["employee"], each.data["seq"]) for each in self.heard if each.headers.get("taken")]


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard = Heard(self.headers["webhook-id"], dict(self.headers), body)
            listener.heard.append(heard)
            status = listener.answer(heard, self)
            if status is None:
                return
            if 200 <= status < 300:
                heard.headers["taken"] = "yes"
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    listener.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
