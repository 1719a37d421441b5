from __future__ import annotations

import json
from pathlib import Path

from attrex.io.reader import open_reader
from attrex.supervision.splits import title_key
from attrex.text.matching import locate
from tests.cli.shell import Shell


def test_a_data_set_of_implicit_values_is_made_and_fitted(table: Path, tmp_path: Path, shell: Shell) -> None:
    out = tmp_path / "implicit.jsonl"
    ran = shell("data", "implicit", table, "-o", out, "--per-value", "10", "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["files"] == [{"file": str(out), "examples": 110, "mapping": None}]
    assert set(told["values"]) == {"Brand", "Colour", "Size"}
    assert told["explicit"] == told["cells"]
    for row in open_reader(out):
        ((values),) = row.product.stated.values()
        assert not locate(values[0].text, row.product.sources[0].text)
    ran = shell("fit", out, "--recipe", "lexicon", "-o", tmp_path / "model", "-q")
    assert ran.code == 0, ran.err


def test_parts_share_no_title(table: Path, tmp_path: Path, shell: Shell) -> None:
    ran = shell("data", "implicit", table, "-o", tmp_path / "set.csv", "--parts", "--ask", "Colour")
    assert ran.code == 0, ran.err
    whole = {row.product.id: title_key(row.product) for row in open_reader(table)}
    parts = []
    for name in ("train", "validation", "test"):
        rows = [row.product for row in open_reader(tmp_path / f"set.{name}.csv")]
        assert {name for p in rows for name in p.stated} == {"Colour"}
        parts.append({whole[p.id.split(": ")[0]] for p in rows})
    assert not parts[0] & parts[1]
    assert not parts[1] & parts[2]
    assert len(parts[0]) > len(parts[1]) > 5
    assert "mentions taken out); 4 values of 1 attribute" in ran.out


def test_nothing_to_make_one_of_is_told(tmp_path: Path, shell: Shell) -> None:
    table = tmp_path / "empty.csv"
    table.write_text("id,title,Colour\n1,red,red\n")
    ran = shell("data", "implicit", table, "-o", tmp_path / "set.csv")
    assert ran.code == 3
    assert "no example can be made of 1 filled cells. Fix: check the mapping" in ran.err
