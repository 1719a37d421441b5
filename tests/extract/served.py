"""A model behind HTTP: the contract holds for an endpoint as it does for a network."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from attrex.core import Answer, Attribute, Candidate, Evidence, Problem, Product, Span
from attrex.models.interface import Traits
from attrex.text.tokeniser import Tokeniser


class _Endpoint(BaseHTTPRequestHandler):
    """Knows two things: "<attribute>: <word>" states a value, "no <attribute>" rules it out."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body.get("asks") and any("crash" in text for p in body["products"] for _, text in p):
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        answers = [self._answer(body["products"][p], body["attributes"][a]) for p, a in body["asks"]]
        data = json.dumps(answers).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    @staticmethod
    def _answer(sources: list[list[str]], attribute: str) -> dict[str, Any]:
        values = [
            {
                "text": m.group(1),
                "score": 0.6 if "maybe" in text else 0.9,
                "source": name,
                "start": m.start(1),
            }
            for name, text in sources
            for m in re.finditer(rf"{attribute}: (?:maybe )?(\w+)", text)
        ]
        ruled_out = any(f"no {attribute}" in text for _, text in sources)
        return {
            "values": values,
            "none": 0.05 if values else 0.95,
            "applicable": 0.1 if ruled_out else None,
        }

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


class Served:
    """Speaks to the endpoint; an endpoint that fails is a problem, never an exception."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def traits(self) -> Traits:
        return Traits(cacheable="disk")

    @property
    def tokeniser(self) -> Tokeniser | None:
        return None

    def prepare(self, products: Sequence[Product]) -> list[list[list[str]]]:
        return [[[s.name, s.text] for s in product.sources] for product in products]

    def describe(self, attributes: Sequence[Attribute]) -> list[str]:
        return [attribute.name for attribute in attributes]

    def answer(
        self,
        prepared: Sequence[list[list[str]]],
        described: Sequence[str],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        body = {
            "products": list(prepared),
            "attributes": list(described),
            "asks": [list(ask) for ask in asks],
        }
        request = Request(self._url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=10) as response:
                told = json.load(response)
        except (URLError, HTTPException, OSError) as error:
            return [Answer(problem=Problem("failed", str(error)))] * len(asks)
        return [_read(one) for one in told]


def _read(told: dict[str, Any]) -> Answer:
    candidates = tuple(
        Candidate(
            v["text"],
            v["score"],
            Evidence("span", Span(v["source"], v["start"], v["start"] + len(v["text"]))),
        )
        for v in told["values"]
    )
    return Answer(candidates, told["none"], told["applicable"])


@contextmanager
def endpoint() -> Iterator[str]:
    """A running endpoint's URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
