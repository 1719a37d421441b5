"""``attrex plan``, and ``attrex fill --cache``, from the file to what is printed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from attrex.models.folder import save_model
from attrex.resolve import Policy
from tests.api.shop import COLUMNS, shop, write_csv
from tests.cli.shell import Shell
from tests.conformance.base import make_base
from tests.conformance.conftest import begun
from tests.conformance.table import TABLE
from tests.conformance.ten import SCHEMA


def test_models_stand_beside_one_another(shell: Shell, table: Path, model: Path) -> None:
    done = shell("plan", table, "-m", model, "--seconds", "0.05")
    assert done.code == 0
    text = " ".join(done.out.split())
    assert "200 products" in text
    for label in (
        "cells to fill",
        "FLOPs to prepare",
        "time to prepare",
        "to answer",
        "peak memory",
        "cache in memory",
    ):
        assert label in text
    assert "lexicon: measuring for about 0.05 s" in done.err
    assert max(len(line.rstrip()) for line in done.out.splitlines()) <= 80


def test_for_machines(shell: Shell, table: Path, model: Path) -> None:
    done = shell("plan", table, "-m", model, "--seconds", "0.05", "--json", "-q", "--all")
    assert (done.code, done.err) == (0, "")
    (told,) = json.loads(done.out)["models"]
    assert (told["builder"], told["asks"], told["attributes"]) == (
        "lexicon",
        200 * len(COLUMNS),
        len(COLUMNS),
    )
    assert told["seconds"]["total"] > 0
    assert told["cache"]["cacheable"] == "memory"


@pytest.fixture(scope="module")
def adatag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cached")
    row = next(row for row in TABLE if row.name == "adatag, pretrained")
    untrained = begun(row, make_base(folder / "tiny"))
    return save_model(
        untrained, folder / "adatag", schema=SCHEMA, calibration=Policy().to_json(), card="# A card\n"
    )


def test_fill_keeps_what_it_has_prepared(shell: Shell, adatag: Path, tmp_path: Path) -> None:
    table = write_csv(tmp_path / "shop.csv", shop(30), attributes=())
    kept, outs = tmp_path / "kept", [tmp_path / f"{n}.jsonl" for n in range(3)]
    told = []
    for out in outs[:2]:
        done = shell("fill", table, "-m", adatag, "-o", out, "--cache", kept, "-q", "--id", "id")
        assert done.code == 0, done.err
        found = re.search(
            rf"^{kept}: (\d+) records read, (\d+) made; it holds [\d.]+ MB$", done.err, re.MULTILINE
        )
        assert found
        told.append((int(found[1]), int(found[2])))
    (read, made), again = told
    assert made >= 30 + len(SCHEMA.attributes)
    assert again == (read + made, 0)
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert (
        shell("fill", table, "-m", adatag, "-o", outs[2], "-q", "--cache", kept, "--cache-limit", "0").code
        == 2
    )
