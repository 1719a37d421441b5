from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attrex.errors import ConfigError, InputError
from attrex.io.layouts import LONG_COLUMNS
from attrex.io.mapping import ColumnMapping
from attrex.io.problems import LISTED
from attrex.io.reader import open_reader
from tests.io.files import write

HEAD = "id,title,Color\n"


def said(path: Path, **options: object) -> str:
    """What reading the file to its end says."""
    with pytest.raises(InputError) as caught:
        list(open_reader(path, **options))  # type: ignore[arg-type]
    return str(caught.value).replace(str(path), path.name)


def test_missing_empty_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(tmp_path / "no.csv") == "no.csv: no such file. Fix: check the path"
    assert "this is a folder. Fix: name a file in it" in said(tmp_path)
    empty = "the file is empty. Fix: give a file with products in it"
    for data in (b"", b" \n\n", b"\xef\xbb\xbf\n"):
        (tmp_path / "e.csv").write_bytes(data)
        assert said(tmp_path / "e.csv") == f"e.csv: {empty}"
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(b""))
    assert said(tmp_path / "e.csv.gz") == f"e.csv.gz: {empty}"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(InputError, match="standard input: the file is empty"):
        open_reader("-")


@pytest.mark.parametrize("head", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_a_workbook_is_no_table(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "shop.xlsx").write_bytes(head + bytes(range(256)))
    message = "this is a workbook or an archive, not a table as text. Fix: save the sheet as CSV"
    assert said(tmp_path / "shop.xlsx") == f"shop.xlsx: {message}"


def test_a_header_alone_and_no_text(tmp_path: Path) -> None:
    reader = open_reader(write(tmp_path / "h.csv", "id,Color\n"))
    assert list(reader) == []
    assert [str(w).split(": ", 1)[1] for w in reader.warnings] == [
        "no column holds text to read values from; there are id, Color. "
        "Fix: name the columns with text as sources",
        "there is no row below the header. Fix: add products",
    ]


def test_no_such_column(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", HEAD + "1,t,red\n")
    assert said(path, mapping=ColumnMapping(attributes={"Color": "Colour"})) == (
        'c.csv, field "Colour": no such column (for attributes); the file has id, title, Color. '
        'Fix: did you mean "Color"?'
    )
    assert said(path, mapping=ColumnMapping(id="zzz")).endswith("Fix: name a column of the file")


def test_columns_named_twice(tmp_path: Path) -> None:
    assert said(write(tmp_path / "c.csv", "id,Color,Color\n1,a,b\n")) == (
        'c.csv, field "Color": two columns have this name. Fix: rename one of them in the first line'
    )
    path = write(tmp_path / "d.csv", HEAD + "1,t,red\n")
    wish = ColumnMapping(id="title", sources={"title": "title"})
    assert said(path, mapping=wish) == (
        'd.csv, field "title": this column is named twice, for id and for sources. Fix: keep one of them'
    )


def test_columns_of_parquet_named_twice_and_none_at_all(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["1"]), pa.array(["a"])], names=["title", "title"]), path)
    assert said(path) == (
        'p.parquet, field "title": two columns have this name. '
        "Fix: rename one of them where the file is written"
    )
    pq.write_table(pa.table({}), path)
    assert said(path) == "p.parquet: the table has no column. Fix: check how it was made"


def test_one_column_named_twice_for_the_same(tmp_path: Path) -> None:
    wish = ColumnMapping(sources={"title": "title", "name": "title"})
    assert said(write(tmp_path / "c.csv", HEAD + "1,t,red\n"), mapping=wish) == (
        'c.csv, field "title": this column is named twice, for sources. Fix: keep one of them'
    )


def test_products_without_any_text(tmp_path: Path) -> None:
    reader = open_reader(write(tmp_path / "c.csv", "id,title,description,Color\n1,,,red\n2, ,null,\n"))
    assert [row.product.sources for row in reader] == [(), ()]
    (warning,) = reader.warnings
    assert str(warning).replace(f"{tmp_path}/", "") == (
        "c.csv: not one of 2 products has a text (looked for in title, description). "
        "Fix: check the file, or name the columns with text as sources"
    )
    for some in ("id,title,image\n1,,a.jpg\n", "id,title\n1,\n2,t\n"):
        reader = open_reader(write(tmp_path / "d.csv", some))
        list(reader)
        assert reader.warnings == []
    reader = open_reader(write(tmp_path / "l.jsonl", "{}\n{}\n"))
    list(reader)
    assert [str(w).split(": ", 1)[1] for w in reader.warnings] == [
        "not one of 2 products has a text. Fix: check the file, or name the columns with text as sources"
    ]


def test_one_object_over_many_lines_is_one_message(tmp_path: Path) -> None:
    path = write(tmp_path / "c.json", json.dumps({"id": 1, "title": "t"}, indent=1))
    with pytest.raises(InputError, match="row 1: it is no JSON"):
        list(reader := open_reader(path))
    assert reader.warnings == []


def test_what_fill_writes_is_no_catalogue(tmp_path: Path) -> None:
    row = dict.fromkeys(LONG_COLUMNS, "x")
    text = write(tmp_path / "l.csv", f"{','.join(row)}\n{','.join(row.values())}\n")
    lines = write(tmp_path / "l.jsonl", json.dumps(row) + "\n")
    for path in (text, lines):
        assert said(path) == (
            f"{path.name}: this is the long form that attrex fill writes, not a table of products. "
            "Fix: give the catalogue that was filled; attrex inspect shows this file"
        )
    wish = ColumnMapping(sources={"title": "snippet"})  # who says what the columns are is believed
    assert [row.product.text("title") for row in open_reader(text, mapping=wish)] == ["x"]


def test_bytes_are_text_where_they_can_be(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    columns = {
        "id": [b"1", b"2"],
        "title": ["café".encode(), None],
        "photo": [b"\xff\xd8", b""],
        "Color": [b"red"] * 2,
    }
    pq.write_table(pa.table(columns), path)
    reader = open_reader(path)
    assert [(row.product.id, row.product.text("title")) for row in reader] == [("1", "café"), ("2", None)]
    assert reader.mapping is not None
    assert (reader.mapping["photo"].role, reader.mapping["photo"].reason) == ("ignored", "bytes, not text")
    assert said(path, mapping=ColumnMapping(sources={"title": "photo"})) == (
        'p.parquet, row 1, field "photo": this cell holds bytes that are no UTF-8 text. '
        "Fix: write the column as text, or leave it out"
    )


def test_duplicate_ids_are_told_apart(tmp_path: Path) -> None:
    reader = open_reader(write(tmp_path / "c.csv", HEAD + "a,t,\nb,t,\na,t,\n"))
    assert [row.product.id for row in reader] == ["a", "b", "a#3"]
    (warning,) = reader.problems
    assert str(warning).endswith(
        'c.csv, row 3, field "id": the id "a" was met before; this row is called "a#3". '
        "Fix: give every product an id of its own, or map another column to the id"
    )
    list(reader)
    assert reader.warned == 1  # a second pass begins anew


def test_a_ragged_row(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", HEAD + '1,"two\nlines",red\n2,a,b,c\n3,t\n4,t,red\n')
    assert said(path) == (
        "c.csv, row 2: it has 4 cells where the header has 3 (line 4). "
        "Fix: quote cells that contain ',' or a line break, and keep empty cells"
    )
    reader = open_reader(path, on_error="skip")
    assert [row.number for row in reader] == [1, 4]
    assert reader.skipped == 2
    assert [error.row for error in reader.problems] == [2, 3]


def test_quotes_that_do_not_fit(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", HEAD + '1,"5" tall",red\n2,t,red\n')
    assert "row 1: its quotes do not fit" in said(path)
    assert said(path).endswith("Fix: double the quotes within a quoted cell")
    assert [row.number for row in open_reader(path, on_error="skip")] == [2]
    never = write(tmp_path / "n.csv", HEAD + '1,t,red\n2,"open,red\n3,t,red\n')
    assert said(never) == (
        "n.csv, row 2: a quote is opened and never closed (the row begins in line 3). "
        "Fix: close the quote, or double it where it belongs to the text"
    )


def test_wrong_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", HEAD + "1,t,red\n2,café,red\n", "cp1252")
    assert said(path) == (
        'c.csv, row 2, field "title": the byte 0xE9 is no utf-8 text. '
        "Fix: save the file as UTF-8, or name its encoding"
    )
    assert [row.number for row in open_reader(path, on_error="skip")] == [1]
    assert [r.product.text("title") for r in open_reader(path, encoding="cp1252")] == ["t", "café"]
    with pytest.raises(
        ConfigError, match=r'encoding: there is no encoding "utf-9"; try utf-8, cp1252 or utf-16'
    ):
        open_reader(path, encoding="utf-9")
    header = write(tmp_path / "h.csv", "id,naïve\n", "cp1252")
    assert said(header).startswith("h.csv: the header is no text of this encoding. Fix: save")
    lines = write(tmp_path / "l.jsonl", '{"title": "café"}\n', "cp1252")
    assert "l.jsonl, row 1: the byte 0xE9 is no utf-8 text" in said(lines)
    cut = write(tmp_path / "u.csv", HEAD + "1,t,red\n", "utf-16")
    cut.write_bytes(cut.read_bytes()[:-1])
    assert "this is no utf-16 text" in said(cut)


def test_nul_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", HEAD + "1,a\0b,red\n2,t,red\n")
    assert said(path) == (
        'c.csv, row 1, field "title": it contains a NUL byte. '
        "Fix: remove it; a file full of them is UTF-16: name the encoding"
    )
    assert [row.number for row in open_reader(path, on_error="skip")] == [2]
    unmarked = write(tmp_path / "u.csv", HEAD + "1,t,red\n", "utf-16-le")
    assert said(unmarked).startswith("u.csv: the header is no text of this encoding. Fix: save")
    assert len(list(open_reader(unmarked, encoding="utf-16-le"))) == 1
    assert "row 1: it contains a NUL byte" in said(write(tmp_path / "l.jsonl", '{"title": "a\0"}\n'))


def test_a_ten_megabyte_description(tmp_path: Path) -> None:
    text = "soft leather " * 800_000
    path = write(tmp_path / "c.csv", f"id,title,description\n1,t,{text}\n2,t,short\n")
    reader = open_reader(path)
    one, two = reader
    assert one.product.text("description") == text
    assert two.product.text("description") == "short"
    (warning,) = reader.warnings
    assert str(warning).endswith(
        'c.csv, row 1, field "description": this text has 10,400,000 characters; all of it is read, '
        "which takes long. Fix: check that it belongs to one product"
    )


def test_lines_that_are_no_objects(tmp_path: Path) -> None:
    path = write(tmp_path / "l.jsonl", '{"id": 1, "title": "t"}\n\n{"id": \n[1]\n' + "[" * 100_000 + "\n")
    reader = open_reader(path, on_error="skip")
    assert [row.number for row in reader] == [1]
    messages = [str(e).split("l.jsonl, ", 1)[1] for e in reader.skipped_rows]
    assert messages[0].startswith("row 2: it is no JSON (Expecting value")
    assert messages[1] == "row 3: it is a JSON list, not an object. Fix: write one JSON object on each line"
    assert messages[2].startswith("row 4: it is no JSON (")
    assert (
        "this is one JSON list; one object a line is needed. Fix: convert it, for example with: jq"
        in said(write(tmp_path / "a.json", '[{"id": 1}]'))
    )


LATE = '{"title": "t"}\n' * 200 + '{"title": "t", "Color": "red"}\n' * 2


def test_a_key_that_comes_late_is_a_column_all_the_same(tmp_path: Path) -> None:
    more = "".join(
        json.dumps({"title": "t", "notes": f"{at} " * 80, "Color": "red"}) + "\n" for at in range(300)
    )
    reader = open_reader(write(tmp_path / "l.jsonl", LATE + "no JSON\n" + more), on_error="skip")
    assert reader.columns == ("title", "Color", "notes")
    assert reader.mapping is not None
    assert {name: column.role for name, column in reader.mapping.items()} == {
        "title": "source",
        "Color": "attribute",
        "notes": "source",
    }
    rows = list(reader)
    assert [len(row.product.stated) for row in rows] == [0] * 200 + [1] * 302
    assert (reader.warned, reader.skipped) == (0, 1)


def test_a_key_that_comes_late_on_standard_input_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LATE.encode())))
    reader = open_reader("-")
    assert len(list(reader)) == 202
    (warning,) = reader.warnings
    assert str(warning).endswith(
        'standard input, row 201, field "Color": this column is not among those of the first 200 rows and is '
        "left out. Fix: save the data to a file and name the file, or let an early row have the key, "
        "with null for its value"
    )


def test_damaged_files(tmp_path: Path) -> None:
    packed = gzip.compress((HEAD + "1,t,red\n" * 100_000).encode())
    (tmp_path / "c.csv.gz").write_bytes(packed[: len(packed) // 2])
    assert said(tmp_path / "c.csv.gz").startswith("c.csv.gz: the gzip file is damaged or cut off (")
    (tmp_path / "g.csv.gz").write_bytes(b"\x1f\x8b\x08junkjunkjunk")
    assert said(tmp_path / "g.csv.gz").endswith("Fix: copy or pack it again")
    pq.write_table(pa.table({"id": ["1"] * 1000, "title": ["t"] * 1000}), tmp_path / "p.parquet")
    data = (tmp_path / "p.parquet").read_bytes()
    (tmp_path / "p.parquet").write_bytes(data[:-20])
    assert said(tmp_path / "p.parquet").startswith("p.parquet: the Parquet file is damaged or cut off (")
    garbled = bytearray(data)
    garbled[-300:-12:3] = bytes(each ^ 0x5A for each in garbled[-300:-12:3])
    (tmp_path / "p.parquet").write_bytes(garbled)
    message = said(tmp_path / "p.parquet")
    assert message.startswith("p.parquet: the Parquet file is damaged or cut off (")
    assert message.endswith("). Fix: copy or write it again")
    assert "\n" not in message
    garbled = bytearray(data)
    garbled[4:100:2] = bytes(each ^ 0x5A for each in garbled[4:100:2])
    (tmp_path / "p.parquet").write_bytes(garbled)
    assert said(tmp_path / "p.parquet").startswith("p.parquet, row 1: the Parquet file is damaged (")
    assert said(write(tmp_path / "q.parquet", HEAD)) == (
        "q.parquet: this is no Parquet file. Fix: check how it was made"
    )


def test_a_packed_cell_that_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "id,title,specs\n1,t,\"{'a': 1\"\n2,t,\"{'a': 1}\"\n")
    mapping = ColumnMapping(packed=("specs",))
    assert said(path, mapping=mapping) == (
        'c.csv, row 1, field "specs": this cell should hold several attributes, and cannot be read. '
        'Fix: write it as JSON: {"Color": "red", "Size": "M"}'
    )
    assert [row.number for row in open_reader(path, mapping=mapping, on_error="skip")] == [2]


def test_what_is_listed_is_bounded_and_all_is_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", HEAD + "1,t\n" * 3000)
    reader = open_reader(path, on_error="skip")
    assert list(reader) == []
    assert (reader.skipped, len(reader.skipped_rows)) == (3000, LISTED)


def test_unknown_format_and_stray_metadata(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", HEAD + "1,t,red\n")
    with pytest.raises(ConfigError, match='format: there is no format "csv"; there are auto, table, ae110k'):
        open_reader(path, format="csv")
    with pytest.raises(ConfigError, match=r'metadata: belongs to the format "mave"; .* the format "table"'):
        open_reader(path, metadata=path)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "c.csv", HEAD)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert said(path) == "c.csv: cannot be opened: Permission denied. Fix: check the rights"
