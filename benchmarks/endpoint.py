"""1,000 products through a language model's server that fails a fifth of the requests, and dies once.

    python benchmarks/endpoint.py

No model is at work: a server on loopback answers out of a lexicon, and fails by chance: 429 with and without
Retry-After, 500, 503, a connection that ends, an answer that is cut short, one of another form. What is shown
is that every product is answered, none twice, and at which cost in retries; then the same with a server that
dies after half of it and comes back.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from record import write

SHARE = 0.2
COLOURS = ("red", "blue", "green", "black", "white", "grey")
BRANDS = ("Acme", "Borealis", "Cindertop", "Dunmore")
FAULTS = ("429", "429, wait", "500", "503", "hangs up", "cut short", "other form")
SCHEMA = "attributes: [Brand, Colour, Size]\n"


class Server:
    """``answered`` counts titles; ``faults`` what was done wrong on purpose. After ``life`` requests all
    fail."""

    def __init__(self, seed: int) -> None:
        self.draw, self.lock = random.Random(seed), Lock()
        self.answered: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.requests = 0
        self.life: int | None = None
        answering = self._handler()
        self._http = _Listening(("127.0.0.1", 0), answering)
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def fault(self) -> str | None:
        with self.lock:
            self.requests += 1
            if self.life is not None and self.requests > self.life:
                return "dead"
            wrong = self.draw.choice(FAULTS) if self.draw.random() < SHARE else None
            if wrong:
                self.faults[wrong] += 1
            return wrong

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fault = server.fault()
                if fault == "hangs up":
                    self.close_connection = True
                elif fault in ("429", "429, wait", "500", "503", "dead"):
                    wait = {"Retry-After": "0.05"} if fault == "429, wait" else {}
                    self.give(503 if fault == "dead" else int(fault[:3]), b'{"error": "no luck"}', wait)
                elif "response_format" not in body:  # is anybody there?
                    self.give(200, completion("OK"), {})
                else:
                    title = json.loads(body["messages"][-1]["content"].split("\n", 1)[1])["title"]
                    text = completion(json.dumps(known(title)) if fault != "other form" else '["red"]')
                    if fault is None:
                        with server.lock:
                            server.answered[title] += 1
                    self.give(200, text[: len(text) // 2] if fault == "cut short" else text, {})

            def give(self, status: int, data: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on standard error."""

        return Handler


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def completion(text: str) -> bytes:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 250, "completion_tokens": 20}
    return json.dumps({"choices": [choice], "usage": usage}).encode()


def known(title: str) -> dict[str, str | None]:
    words = title.replace(",", "").split()
    brand, colour = ([w for w in words if w in own] for own in (BRANDS, COLOURS))
    size = [" ".join(pair) for pair in pairwise(words) if pair[1] == "cm"]
    return {n: own[0] if own else None for n, own in (("Brand", brand), ("Colour", colour), ("Size", size))}


def write_table(path: Path, rows: int) -> None:
    draw = random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "title", "Brand", "Colour", "Size"])
        for at in range(rows):
            title = (
                f"{draw.choice(BRANDS)} lamp no. {at} in {draw.choice(COLOURS)}, {draw.randrange(20, 90)} cm"
            )
            out.writerow([f"p{at}", title, "", "", ""])


def fill(folder: Path, server: Server, name: str) -> tuple[int, dict[str, Any] | None, str, float]:
    """Runs the command; exit code, usage, what was said, seconds."""
    (folder / "schema.yaml").write_text(SCHEMA)
    limits = "{concurrency: 8, wait: 0.02, tries: 6}"
    file = folder / f"{name}.yaml"
    file.write_text(f"address: {server.address}\nmodel: m\nschema: schema.yaml\nlimits: {limits}\n")
    out = folder / f"{name}.csv"
    command = [
        sys.executable,
        "-m",
        "attrex",
        "fill",
        str(folder / "shop.csv"),
        "-m",
        str(file),
        "-o",
        str(out),
    ]
    began = time.monotonic()
    ran = subprocess.run([*command, "--json", "--quiet"], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    usage = json.loads(ran.stdout)["usage"] if ran.returncode == 0 else None
    return ran.returncode, usage, ran.stderr.strip(), seconds


def filled(path: Path) -> tuple[int, int]:
    """Rows, and those with all three cells right."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return len(rows), sum(all(row[n] == v for n, v in known(row["title"]).items()) for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--name", default="endpoint")
    given = parser.parse_args()
    rows: list[list[Any]] = []
    content: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "shop.csv", given.rows)
        for run, dies in (("fails a fifth", False), ("and dies after half", True)):
            server = Server(seed=1)
            server.life = given.rows // 2 if dies else None
            file = "dying" if dies else "failing"
            code, usage, said, seconds = fill(folder, server, file)
            first = server.requests
            if dies:
                if code != 6:
                    sys.exit(f"the fill should have ended with 6, not {code}: {said}")
                server.life = None
                code, usage, said, more = fill(folder, server, file)
                seconds += more
            server.close()
            if code or usage is None:
                sys.exit(f"the fill ended with {code}: {said}")
            number, right = filled(folder / f"{file}.csv")
            twice = sum(count > 1 for count in server.answered.values())
            retries = server.requests - len(server.answered)
            counts = (number, right, len(server.answered), twice, server.requests, retries)
            faults = sum(server.faults.values())
            rows.append([run, *(f"{count:,}" for count in counts), faults, f"{seconds:.1f}"])
            content[file] = {
                "usage_of_the_last_run": usage,
                "faults": dict(server.faults),
                "requests": server.requests,
                "requests_of_the_first_run": first,
                "seconds": seconds,
            }
    write(
        given.name,
        f"{given.rows:,} products through a server that fails 20 % of the requests",
        ["server", "rows", "all right", "answered", "twice", "requests", "not answered", "faults", "seconds"],
        rows,
        [
            "`answered`: products for which the server gave a whole answer; `twice`: those for which it did "
            "so more than once; `not answered`: requests that failed, of which `faults` on purpose (the rest "
            "fell on the dead server, one was to ask whether anybody is there). Faults: "
            + ", ".join(FAULTS)
            + ". The dead server ends the fill with exit code 6; the same command goes on once it is back.",
        ],
        content,
    )


if __name__ == "__main__":
    main()
