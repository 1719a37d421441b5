"""A web server on loopback, and a resolver that leads names to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from attrex.io.pictures import Web

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Served:
    """``answers`` by path; ``asked`` has the paths and Host headers that came."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def url(self, path: str, host: str = "shop.test") -> str:
        return f"http://{host}:{self.port}{path}"

    def web(self, *, names: dict[str, Sequence[str]] | None = None, **options: Any) -> Web:
        """Allowed to ask shop.test and other.test on this port, both of which are here; what ``names`` adds
        is asked too, but only loopback may be connected to."""
        known: dict[str, Sequence[str]] = {"shop.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]}
        known |= names or {}
        return Web(
            [f"{name}:{self.port}" for name in known],
            resolve=lambda host, port: known[host],
            allowed=lambda address: address == "127.0.0.1",
            **options,
        )


@contextmanager
def serving() -> Iterator[Served]:
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append((self.path, self.headers["Host"]))
            served.answers[self.path](self)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        served.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def gives(content: bytes, *, status: int = 200, length: int | None = None) -> Answer:
    """An answer; ``length`` is what it says it has, 0 for saying nothing."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        if length != 0:
            handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def moves(place: str, status: int = 302) -> Answer:
    """A redirect."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", place)
        handler.end_headers()

    return answer
