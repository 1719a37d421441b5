"""Filling by a language model's server, as long as it lives and after it has died."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

import pytest

from tests.api.shop import BRANDS, COLOURS, SIZES, shop, write_csv
from tests.api.test_endpoints import settings
from tests.cli.shell import Shell
from tests.web.talking import Talking, fails, talking

KNOWN = {"Brand": BRANDS, "Colour": COLOURS, "Size": SIZES}


@pytest.fixture
def served() -> Iterator[Talking]:
    with talking(KNOWN) as there:
        yield there


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "shop.csv", shop(70, blank=1.0))


def test_a_fill_survives_a_server_that_fails_now_and_then(
    tmp_path: Path, served: Talking, blank: Path, shell: Shell
) -> None:
    served.steps = [fails(500) if i % 5 == 0 else None for i in range(85)]
    out, file = tmp_path / "filled.csv", settings(tmp_path, served)
    file.write_text(file.read_text().replace("tries: 2", "tries: 9"))
    ran = shell("fill", blank, "-m", file, "-o", out, "--json", "-q")
    assert ran.code == 0, ran.err
    usage = json.loads(ran.out)["usage"]
    assert (usage["answers"], usage["retries"]) == (70, {"500": 17})
    assert usage["requests"] == len(served.asked) == 87
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert all(row["Brand"] and row["Colour"] and row["Size"] for row in rows)
    assert "asked 87 requests (17 of them again: 17 500); 70 answers; 7,000 tokens in, 700 out" in ran.err


def test_a_precision_of_a_model_that_was_not_tried_is_told(
    tmp_path: Path, served: Talking, blank: Path, shell: Shell
) -> None:
    told = "warning: --min-precision: this model has not been tried on products kept apart"
    file, out = settings(tmp_path, served), tmp_path / "filled.csv"
    assert told in shell("fill", blank, "-m", file, "-o", out, "--min-precision", 0.9).err
    assert told not in shell("fill", blank, "-m", file, "-o", out).err


def test_a_fill_goes_on_where_the_server_died(
    tmp_path: Path, served: Talking, blank: Path, shell: Shell
) -> None:
    file = settings(tmp_path, served)
    served.steps = [*[None] * 40, *[fails(503)] * 60]
    out = tmp_path / "filled.csv"
    ran = shell("fill", blank, "-m", file, "-o", out, "-q")
    assert ran.code == 6
    assert "does not answer (it answers 503: no luck; asked 2 times). What is done is kept." in ran.err
    assert not out.exists()
    served.steps, served.asked = [], []
    # Another pace is the same job.
    file.write_text(file.read_text().replace("tries: 2", "tries: 3, concurrency: 2"))
    ran = shell("fill", blank, "-m", file, "-o", out, "-q")
    assert ran.code == 0, ran.err
    assert "going on after the 32 rows that an earlier run has written" in ran.err
    assert len(served.asked) == 70 - 40
    assert "8 kept from before" in ran.err
    with out.open() as filled:
        assert len(list(csv.DictReader(filled))) == 70


@pytest.mark.slow
def test_what_was_answered_survives_a_kill(
    tmp_path: Path, served: Talking, blank: Path, shell: Shell
) -> None:
    waiting, over = Semaphore(0), Event()

    def blocks(handler: BaseHTTPRequestHandler, body: Any) -> None:
        waiting.release()
        over.wait(60)

    file, out = settings(tmp_path, served), tmp_path / "filled.csv"
    served.steps = [*[None] * 40, *[blocks] * 8]
    command = [sys.executable, "-m", "attrex", "fill", str(blank), "-m", str(file), "-o", str(out), "-q"]
    with subprocess.Popen(command) as filling:
        for _ in range(8):  # all that ask at once: what was answered before is kept by now
            assert waiting.acquire(timeout=120)
        filling.kill()
    over.set()
    assert not out.exists()
    served.asked = []
    ran = shell("fill", blank, "-m", file, "-o", out, "-q")
    assert ran.code == 0, ran.err
    assert len(served.asked) == 70 - 40
    with out.open() as filled:
        assert len(list(csv.DictReader(filled))) == 70
