from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attrex.core import Picture, Source, Stated
from attrex.errors import InputError
from attrex.io.mapping import ColumnMapping
from attrex.io.reader import open_reader
from tests.io.files import write, write_lines

CSV = (
    "SKU,Product Type,Title,Description,Image URL,Color,Size,Price\n"
    "a1,Shoes,Red runner 42,Light shoe,https://x.y/1.jpg,red,,9.99\n"
    "a2,Shoes,Blue runner,,,,n/a,8.50\n"
)


def standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_csv_becomes_products_and_cells(tmp_path: Path) -> None:
    reader = open_reader(write(tmp_path / "c.csv", CSV))
    first, second = reader
    assert first.number == 1
    assert first.product.id == "a1"
    assert first.product.category == "Shoes"
    assert first.product.sources == (Source("title", "Red runner 42"), Source("description", "Light shoe"))
    assert first.product.pictures == (Picture("https://x.y/1.jpg"),)
    assert first.product.stated == {"Color": (Stated("red"),)}
    assert second.product.stated == {"Size": ()}
    assert first.cells is not None
    assert list(first.cells) == [
        "SKU",
        "Product Type",
        "Title",
        "Description",
        "Image URL",
        "Color",
        "Size",
        "Price",
    ]
    assert reader.columns == tuple(first.cells)
    assert reader.format == "table"
    assert [row.product for row in reader] == [first.product, second.product]  # again from the start
    assert reader.schema() is None


def test_every_kind_of_table_gives_the_same_products(tmp_path: Path) -> None:
    wanted = [row.product for row in open_reader(write(tmp_path / "c.csv", CSV))]
    rows = [row.cells for row in open_reader(tmp_path / "c.csv")]
    semicolons = write(tmp_path / "s.csv", CSV.replace(",", ";"))
    tabs = write(tmp_path / "t.tsv", CSV.replace(",", "\t"))
    lines = write_lines(tmp_path / "l.jsonl", *[{k: v or None for k, v in (r or {}).items()} for r in rows])
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "p.parquet")
    with gzip.open(tmp_path / "c.csv.gz", "wb") as file:
        file.write(CSV.encode())
    marked = write(tmp_path / "m.csv", CSV, "utf-8-sig")
    wide = write(tmp_path / "w.csv", CSV, "utf-16")
    windows = write(tmp_path / "r.csv", CSV.replace("\n", "\r\n"))
    for path in (
        semicolons,
        tabs,
        lines,
        tmp_path / "p.parquet",
        tmp_path / "c.csv.gz",
        marked,
        wide,
        windows,
    ):
        assert [row.product for row in open_reader(path)] == wanted, path.name


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch, pack: type[bytes]) -> None:
    standard_input(monkeypatch, pack(CSV.encode()))
    reader = open_reader("-")
    assert [row.product.id for row in reader] == ["a1", "a2"]
    with pytest.raises(InputError, match="standard input: a pipe can be read only once"):
        list(reader)


def test_parquet_and_long_csv_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"id": ["a", "b"], "title": ["x", "y"]}), buffer)
    standard_input(monkeypatch, buffer.getvalue())
    assert [row.product.id for row in open_reader("-")] == ["a", "b"]
    many = "id,title\n" + "".join(f"p{i},{'word ' * 30}\n" for i in range(2000))
    standard_input(monkeypatch, many.encode())
    assert [row.product.id for row in open_reader("-")] == [f"p{i}" for i in range(2000)]


def pipe(path: Path, data: bytes) -> Path:
    """A named pipe into which the data is written as it is read."""
    os.mkfifo(path)
    threading.Thread(target=path.write_bytes, args=[data], daemon=True).start()
    return path


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_named_pipe_is_read_once_and_whole(tmp_path: Path, pack: type[bytes]) -> None:
    many = "id,title\n" + "".join(f"p{i},{'word ' * 30}\n" for i in range(2000))
    reader = open_reader(pipe(tmp_path / "p", pack(many.encode())))
    assert [row.product.id for row in reader] == [f"p{i}" for i in range(2000)]
    with pytest.raises(InputError, match="p: a pipe can be read only once"):
        list(reader)


def test_parquet_from_a_named_pipe(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"id": ["a", "b"], "title": ["x", "y"]}), buffer)
    reader = open_reader(pipe(tmp_path / "p", buffer.getvalue()))
    assert [row.product.id for row in reader] == ["a", "b"]
    assert [row.product.id for row in reader] == ["a", "b"]  # a copy was made


def test_rows_stream(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "id,title\n" + "".join(f"p{i},{'word ' * 30}\n" for i in range(5000)))
    reader = open_reader(path)
    rows = iter(reader)
    assert next(rows).number == 1
    share = reader.fraction()
    assert share is not None
    assert share < 0.5
    assert sum(1 for _ in rows) == 4999
    assert reader.fraction() == 1.0


def test_multi_valued_cells_and_markers(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "p.jsonl",
        {
            "id": 1,
            "title": "t",
            "Color": ["red", "blue", "red"],
            "Size": 42.0,
            "Fit": "N/A",
            "Use": float("nan"),
        },
        {"id": 2, "title": "t", "Color": '["red", "n/a"]', "Size": 42.5, "Fit": "null", "Use": []},
    )
    one, two = (row.product for row in open_reader(path))
    assert one.stated == {"Color": (Stated("red"), Stated("blue")), "Size": (Stated("42"),), "Fit": ()}
    assert two.stated == {"Color": (Stated("red"),), "Size": (Stated("42.5"),), "Use": ()}


def test_a_delimiter_is_seen_or_said(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "id,title,Color,Use\n1,t,red; blue,a/b\n2,t,red; green,c\n3,t,red,a/c\n")
    seen = open_reader(path)
    assert seen.mapping is not None
    assert seen.mapping["Color"].delimiter == "; "
    assert [len(row.product.stated["Color"]) for row in seen] == [2, 2, 1]
    assert next(iter(seen)).product.stated["Use"] == (Stated("a/b"),)
    said = open_reader(path, mapping=ColumnMapping(many={"Use": "/"}))
    assert next(iter(said)).product.stated["Use"] == (Stated("a"), Stated("b"))


def test_cells_are_cut_as_a_schema_says_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,title,Color,Use\n1,a mug,red/blue,cold/hot|warm\n2,a cup,red,hot\n", encoding="utf-8")
    reader = open_reader(path, mapping=ColumnMapping(many={"Use": "|"}))
    reader.cut_at({"Color": "/", "Use": "/", "Nowhere": ";"})
    first = next(iter(reader)).product.stated
    assert {name: [value.text for value in values] for name, values in first.items()} == {
        "Color": ["red", "blue"],
        "Use": ["cold/hot", "warm"],
    }
    assert reader.delimiters == {"Color": "/", "Use": "|"}
    assert not reader.warnings
    packed = tmp_path / "p.jsonl"
    packed.write_text('{"id": "1", "title": "a mug", "specs": {"Color": "red/blue"}}\n' * 3, encoding="utf-8")
    inside = open_reader(packed, mapping=ColumnMapping(packed=["specs"]))
    inside.cut_at({"Color": "/"})
    assert [value.text for value in next(iter(inside)).product.stated["Color"]] == ["red", "blue"]
    assert inside.delimiters == {"Color": "/"}


def test_a_product_may_lack_anything(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "id,category,title,Color\n,,,\nb,,  ,\n")
    one, two = open_reader(path)
    assert (one.product.id, one.product.category, one.product.sources, one.product.stated) == (
        "row-1",
        None,
        (),
        {},
    )
    assert (two.product.id, two.product.sources) == ("b", ())


def test_texts_are_kept_to_the_character(tmp_path: Path) -> None:
    text = " 👟 שלום cafe\u0301 \u200fx\u2028y \x85 "
    for path in (
        write(tmp_path / "p.csv", f'id,title\n1,"{text}"\n'),
        write_lines(tmp_path / "p.jsonl", {"id": 1, "title": text}),
    ):
        (row,) = open_reader(path)
        assert row.product.text("title") == text


def test_half_a_surrogate_pair_is_one_character(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", '{"id": 1, "title": "a\\ud83db \\ud83d\\udc5f"}\n')
    (row,) = open_reader(path)
    assert row.product.text("title") == "a\ufffdb 👟"


def test_packed_columns(tmp_path: Path) -> None:
    ruby = (
        '{"product_specification"=>[{"key"=>"Color", "value"=>"red"}, {"value"=>"loose"}, '
        '{"key"=>"Use", "value"=>nil}]}'
    )
    rows = [
        {"id": "1", "title": "t", "specs_table": "{'Color': 'red', 'Path': 'C:\\\\d'}"},
        {
            "id": "2",
            "title": "t",
            "specs_table": json.dumps({"Color": ["red", "blue"], "Size": "n/a", "Use": None}),
        },
        {"id": "3", "title": "t", "specs_table": ruby},
        {
            "id": "4",
            "title": "t",
            "specs_table": '{"product_specification"=>{"key"=>"Color", "value"=>"red"}}',
        },
        {"id": "5", "title": "t", "specs_table": None},
    ]
    reader = open_reader(write_lines(tmp_path / "p.jsonl", *rows))
    assert reader.mapping is not None
    assert reader.mapping["specs_table"].role == "packed"
    assert [dict(row.product.stated) for row in reader] == [
        {"Color": (Stated("red"),), "Path": (Stated("C:\\d"),)},
        {"Color": (Stated("red"), Stated("blue")), "Size": ()},
        {"Color": (Stated("red"),)},
        {"Color": (Stated("red"),)},
        {},
    ]


def test_categories_and_pictures_in_their_many_forms(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "p.jsonl",
        {"id": 1, "title": "t", "category": '["Home >> Bath >> Towel"]', "images": "a b.jpg|c.jpg"},
        {"id": 2, "title": "t", "category": ["Home > Bath"], "images": ["https://x/1.jpg", "2.png"]},
        {"id": 3, "title": "t", "category": "", "images": "https://x/1.jpg, https://x/2,3.jpg"},
    )
    wish = ColumnMapping(category_depth=1, picture_folder="img/")
    products = [row.product for row in open_reader(path, mapping=wish)]
    assert [p.category for p in products] == ["Home", "Home", None]
    assert [[i.location for i in p.pictures] for p in products] == [
        ["img/a b.jpg", "img/c.jpg"],
        ["https://x/1.jpg", "img/2.png"],
        ["https://x/1.jpg", "https://x/2,3.jpg"],
    ]


def test_blank_headers_and_lists_of_bullets(tmp_path: Path) -> None:
    reader = open_reader(write(tmp_path / "p.csv", ",id,title,\n0,a,t,\n"))
    assert reader.columns == ("(column 1)", "id", "title", "(column 4)")
    assert reader.header == ("", "id", "title", "")
    assert next(iter(reader)).product.stated == {}
    lines = write_lines(tmp_path / "p.jsonl", {"id": 1, "title": "t", "bullets": ["one", None, "two"]})
    assert next(iter(open_reader(lines))).product.text("bullets") == "one\ntwo"


def test_a_delimiter_for_no_attribute_is_told(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("id,title,Colour\n1,a lamp,red|blue\n", encoding="utf-8")
    reader = open_reader(path, mapping=ColumnMapping(many={"Colours": "|", "Colour": "|"}))
    assert [v.text for v in next(iter(reader)).product.stated["Colour"]] == ["red", "blue"]
    (told,) = map(str, reader.problems)
    assert told.startswith(
        f'{path}, field "Colours": a delimiter for what is no attribute of the file. Fix: '
    )
    assert told.endswith('did you mean "Colour"?')
    packed = tmp_path / "shop.jsonl"
    packed.write_text('{"title": "a", "attributes": {"Colour": "red|blue"}}\n', encoding="utf-8")
    inside = open_reader(packed, mapping=ColumnMapping(many={"Colour": "|"}))
    assert [v.text for v in next(iter(inside)).product.stated["Colour"]] == ["red", "blue"]
    assert not inside.problems
