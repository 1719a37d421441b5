"""Filling by a language model's server, as long as it lives and after it has died."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

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
