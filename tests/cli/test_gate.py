"""The gate on the command line, from the flag to the rows that say why."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from attrex.io.long_form import read_long
from attrex.sample import sample_path
from tests.api.shop import write_csv
from tests.api.test_gating import stocked
from tests.cli.shell import Shell
from tests.models.halls import NAMES


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "hall.csv", stocked(), NAMES)


def test_fit_and_fill_ask_only_what_applies(shell: Shell, catalogue: Path, tmp_path: Path) -> None:
    done = shell("fit", catalogue, "-o", tmp_path / "m", "--recipe", "lexicon")
    assert done.code == 0
    assert "The gate (text) asks 1." in done.err
    out = tmp_path / "long.jsonl"
    told = json.loads(shell("fill", catalogue, "-m", tmp_path / "m", "-o", out, "--json", "-q").out)
    cells = sum(one["cells"] for one in told["attributes"].values())
    assert cells == 6 * 400 - told["asks"]["not_applicable"]  # what does not apply is no gap
    denied = [row for row in read_long(str(out)) if row["status"] == "not_applicable"]
    assert told["asks"]["not_applicable"] == len(denied) > 1000
    assert min(row["probability"] for row in denied) > 0.5
    assert {row["value"] for row in denied} == {None}
    said = shell("fill", catalogue, "-m", tmp_path / "m", "-o", tmp_path / "f.csv", "-q").out
    assert f" cells asked ({len(denied):,} more do not apply); filled before " in said


def test_the_flag_chooses_the_gate(shell: Shell, catalogue: Path, tmp_path: Path) -> None:
    for kind in ("category", "none"):
        flags = ("--recipe", "lexicon", "--gate", kind, "--json", "-q")
        told = json.loads(shell("fit", catalogue, "-o", tmp_path / kind, *flags).out)["gate"]
        assert (None if told is None else told["kind"]) == (None if kind == "none" else kind)
        assert (tmp_path / kind / "gate.json").is_file() == (kind != "none")
    seen = json.loads(shell("fit", catalogue, "--recipe", "lexicon", "--dry-run", "--json").out)
    assert seen["gate"]["spared"] > 0.5
    wrong = shell("fit", catalogue, "-o", tmp_path / "m", "--gate", "magic")
    assert wrong.code == 2


def test_the_sample_catalogue_is_asked_a_fifth(shell: Shell, tmp_path: Path) -> None:
    """Without its schema every category would be asked all sixteen attributes: 3,892 cells."""
    sample = sample_path("catalog.csv")
    shell("fit", sample, "-o", tmp_path / "m", "--recipe", "lexicon", "-q")
    told = json.loads(
        shell("fill", sample, "-m", tmp_path / "m", "-o", tmp_path / "f.csv", "--json", "-q").out
    )
    asked = Counter(told["asks"])
    assert asked.total() == 3892
    assert asked.total() - asked["not_applicable"] < 850  # their own schema leaves 792
