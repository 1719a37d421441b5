"""The user's own table as it comes back."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from attrex.io.reader import open_reader
from attrex.io.sinks import open_sink
from tests.io.files import found, unfound, write_lines


def test_keys_that_come_late_are_in_the_table_that_comes_back(tmp_path: Path) -> None:
    rows = [{"title": "a mug"}] * 200 + [{"title": "a mug", "shelf": 3, "Color": "red"}]
    source = open_reader(write_lines(tmp_path / "l.jsonl", *rows))
    for name in ("o.csv", "o.jsonl"):
        with open_sink(tmp_path / name, reader=source, layout="wide", attributes=["Color"]) as sink:
            for row in source:
                sink.write(row, [found(row, "Color", "mug")] if not row.product.stated else [])
    lines = (tmp_path / "o.csv").read_text("utf-8").split("\n")
    assert (lines[0], lines[1], lines[201]) == ("title,shelf,Color", "a mug,,mug", "a mug,3,red")
    records = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text("utf-8").splitlines()]
    assert records == [{"title": "a mug", "Color": "mug"}] * 200 + rows[200:]


def test_json_lines_keep_what_json_knows(tmp_path: Path) -> None:
    row = {"id": 1, "title": "t", "tags": ["a", {"b": None}], "price": 2.5, "sold": True, "Color": None}
    source = open_reader(write_lines(tmp_path / "l.jsonl", row))
    out = tmp_path / "o.jsonl"
    with open_sink(out, reader=source, layout="wide", attributes=["Color", "Use"], answer_all=True) as sink:
        for one in source:
            sink.write(one, [found(one, "Color", "red", "=blue"), unfound(one, "Use")])
    both = ["red", "=blue"]
    assert json.loads(out.read_text("utf-8")) == {**row, "Color": both, "Color (attrex)": both}


def test_parquet_s_cells_as_json_lines(tmp_path: Path) -> None:
    day = datetime.date(2024, 5, 6)
    table = {"id": ["1"], "title": ["t"], "weight": [float("nan")], "made": [day], "dates": [[day]]}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    source = open_reader(tmp_path / "t.parquet")
    with open_sink(tmp_path / "o.jsonl", reader=source, layout="wide", attributes=[]) as sink:
        for one in source:
            sink.write(one, [])
    assert json.loads((tmp_path / "o.jsonl").read_text("utf-8")) == {
        "id": "1",
        "title": "t",
        "weight": None,
        "made": "2024-05-06",
        "dates": ["2024-05-06"],
    }
