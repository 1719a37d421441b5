"""What an empty list means."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from attrex.io.mapping import ColumnMapping
from attrex.io.reader import open_reader

LISTS = (
    '{"id": "1", "title": "Red mug", "attributes": {"Size": [], "Color": ["Red"]}, "Material": []}\n'
    '{"id": "2", "title": "Blue mug", "attributes": {"Size": ["L"]}, "Material": ["Clay"]}\n'
    '{"id": "3", "title": "Mug", "attributes": {"Size": ["", null]}, "Material": [null]}\n'
    '{"id": "4", "title": "Mug", "attributes": {}, "Material": null}\n'
)


def test_an_empty_list_says_none_in_a_packed_cell_and_in_a_column(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(LISTS)
    one, two, *blank = (row.product.stated for row in open_reader(path))
    assert (one["Size"], one["Material"]) == ((), ())
    assert one["Color"][0].text == "Red"
    assert [value.text for value in two["Material"]] == ["Clay"]
    assert blank == [{}, {}]


def test_parquet_s_empty_lists_say_none_too(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    table = pa.table({"id": ["1", "2", "3"], "title": ["a", "b", "c"], "Material": [[], ["Clay"], None]})
    pq.write_table(table, path)
    one, two, three = (row.product.stated for row in open_reader(path))
    assert (one, three) == ({"Material": ()}, {})
    assert two["Material"][0].text == "Clay"


def test_brackets_with_nothing_between_in_a_text_file_say_nothing_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,title,Material\n1,Red mug,[]\n2,Blue mug,Clay\n")
    assert next(iter(open_reader(path))).product.stated == {}
    told = ColumnMapping(absent=frozenset({"[]"}))
    assert next(iter(open_reader(path, mapping=told))).product.stated == {"Material": ()}
