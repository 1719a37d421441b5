"""A language model's server on loopback, that answers out of a small lexicon and misbehaves when told to."""

from __future__ import annotations

import atexit
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from attrex.text.matching import find

Step = Callable[[BaseHTTPRequestHandler, Mapping[str, Any]], None]
"""What happens to one request, given its body."""
Known = Mapping[str, Sequence[str]]


@dataclass
class Talking:
    """``steps`` are taken one a request, first come first served; after them (and where a step is None) it
    answers well, by ``known`` values. ``asked`` has every body, ``headers`` every request's."""

    port: int = 0
    known: Known = field(default_factory=dict)
    steps: list[Step | None] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def questions(self) -> list[str]:
        """The titles asked about, in the order they came."""
        return [product(body).get("title", "") for body in self.asked]

    def answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a good model says: the first known value that stands in a text, or null."""
        text = " \n ".join(product(body).values())
        found: dict[str, Any] = {}
        for name, about in schema(body)["properties"].items():
            values = [v for v in self.known.get(name, ()) if find(v, text)]
            if "array" in about.get("type", ()):
                found[name] = values or None
            else:
                found[name] = max(values, key=len) if values else None
        return found


def product(body: Mapping[str, Any]) -> dict[str, str]:
    """The product of the question."""
    question = body["messages"][-1]["content"]
    if isinstance(question, list):
        question = question[0]["text"]
    if not question.startswith("{") and "\n{" not in question:
        return {}
    texts: dict[str, str] = json.loads(question[question.index("\n{") + 1 :])
    return texts


def schema(body: Mapping[str, Any]) -> dict[str, Any]:
    form = body.get("response_format", {}).get("json_schema")
    found: dict[str, Any] = form["schema"] if form else {"properties": {}}
    return found


def send(handler: BaseHTTPRequestHandler, status: int, content: Any, **headers: str) -> None:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def completion(text: str, *, finish: str = "stop", **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish, **more}
    return {"choices": [choice], "usage": usage}


def says(text: str, **options: Any) -> Step:
    """Just this."""
    return lambda handler, body: send(handler, 200, completion(text, **options))


def fails(status: int, message: str = "no luck", **headers: str) -> Step:
    return lambda handler, body: send(handler, status, {"error": {"message": message}}, **headers)


def hangs_up(handler: BaseHTTPRequestHandler, body: Mapping[str, Any]) -> None:
    """The connection ends without an answer."""
    handler.close_connection = True


def cuts_off(handler: BaseHTTPRequestHandler, body: Mapping[str, Any]) -> None:
    """Less comes than was promised."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # of the usual 5, one too many waits a second


@contextmanager
def talking(known: Known | None = None) -> Iterator[Talking]:
    served = Talking(known=known or {})
    with _Listening(("127.0.0.1", 0), _handler(served)) as server:
        served.port = server.server_address[1]
        # A thread that is not a daemon is waited for before what is registered for the end is done.
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


@cache
def always_there(known: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    """The address of a server that stays until the process ends."""
    context = talking(dict(known))
    served = context.__enter__()
    atexit.register(context.__exit__, None, None, None)
    return served.address


def _handler(served: Talking) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with served.lock:
                served.asked.append(body)
                served.headers.append(dict(self.headers))
                step = served.steps.pop(0) if served.steps else None
            try:
                if step is None:
                    send(self, 200, completion(json.dumps(served.answer(body))))
                else:
                    step(self, body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on standard error."""

    return Handler
