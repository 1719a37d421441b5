from __future__ import annotations

import io
import sys
from collections import Counter
from pathlib import Path

import pytest

from attrex.core import Source, Span, Stated
from attrex.errors import InputError
from attrex.io.reader import open_reader
from tests.io.files import write, write_lines


def gpt(title: str, category: str, **scores: list[str]) -> dict[str, object]:
    return {
        "input": title,
        "category": category,
        "target_scores": {a: dict.fromkeys(v, 1) for a, v in scores.items()},
    }


def test_ae110k_is_cleaned_and_gathered(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.txt",
        "Men&#39;s  Shoe \x01Gender\x01Men\n"
        "Men's Shoe\x01gender \x01Men\n"
        "Other &amp;amp; Shoe\x01Gender\x01NULL\n"
        "Men's Shoe\x01Material\x01NULL\n"
        "Men's Shoe\x01Material\x01 Faux&nbsp;Leather\n"
        "Men's Shoe\x01Gender\x01Boys\n",
    )
    reader = open_reader(path)
    assert reader.format == "ae110k"
    one, two = (row.product for row in reader)
    assert one.sources == (Source("title", "Men's Shoe"),)
    assert one.stated == {"Gender": (Stated("Men"), Stated("Boys")), "Material": (Stated("Faux Leather"),)}
    assert (two.id, two.sources, two.stated) == ("row-2", (Source("title", "Other & Shoe"),), {"Gender": ()})
    schema = reader.schema()
    assert schema is not None
    assert [a.name for a in schema.attributes] == ["Gender", "Material"]


def test_ae110k_with_a_broken_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "a\x01b\x01c\na\x01b\n\na\u2028b\x01b\x01c\n")
    with pytest.raises(InputError) as caught:
        list(open_reader(path))
    assert str(caught.value).endswith(
        "a.txt, row 2: it has 2 fields, not title, attribute and value. "
        "Fix: separate three fields by the character \\x01"
    )
    reader = open_reader(path, on_error="skip")
    assert len(list(reader)) == 2
    assert reader.skipped == 1


def test_extractgpt_with_explicit_none(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "g.jsonl",
        gpt("Lure 40mm", "Lure", Length=["40mm"], Material=["n/a"], Use=["bass", "n/a"]),
        gpt("Lure", "Lure", Length=["n/a"]),
    )
    reader = open_reader(path)
    one, two = (row.product for row in reader)
    assert (reader.format, reader.complete) == ("extractgpt", False)
    assert (one.id, one.category, one.text("title")) == ("row-1", "Lure", "Lure 40mm")
    assert one.stated == {"Length": (Stated("40mm"),), "Material": (), "Use": (Stated("bass"),)}
    assert two.stated == {"Length": ()}


def test_extractgpt_without_any_none_lists_all_that_is_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [gpt("a", "Tea", Brand=["x"]), gpt("b", "Tea", Flavor=["y"]), gpt("c", "Shoe", Color=["z"])]
    path = write_lines(tmp_path / "g.jsonl", *records)
    wanted = [
        {"Brand": (Stated("x"),), "Flavor": ()},
        {"Flavor": (Stated("y"),), "Brand": ()},
        {"Color": (Stated("z"),)},
    ]
    reader = open_reader(path)
    assert reader.complete
    assert [row.product.stated for row in reader] == wanted
    schema = reader.schema()
    assert schema is not None
    assert [a.name for a in schema.of("Tea")] == ["Brand", "Flavor"]
    assert schema.attributes == ()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    stream = open_reader("-")
    assert [row.product.stated for row in stream] == wanted
    assert [row.product.stated for row in stream] == wanted


def test_oa_mine_is_complete_by_name(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "g.jsonl", gpt("a", "Tea", Brand=["n/a"]), gpt("b", "Tea", Flavor=["y"]))
    reader = open_reader(path, format="oa-mine")
    assert [row.product.stated for row in reader] == [
        {"Brand": (), "Flavor": ()},
        {"Flavor": (Stated("y"),), "Brand": ()},
    ]


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"input": 3, "target_scores": {}}, "input"),
        ({"input": "a", "category": ["x"], "target_scores": {}}, "category"),
        ({"input": "a", "target_scores": {"Color": "red"}}, "target_scores"),
    ],
)
def test_extractgpt_rows_of_the_wrong_shape(tmp_path: Path, record: dict[str, object], field: str) -> None:
    path = write_lines(tmp_path / "g.jsonl", gpt("a", "Tea", Brand=["x"]), record)
    with pytest.raises(
        InputError, match=rf'row 2, field "{field}": this field is missing or of the wrong kind'
    ):
        list(open_reader(path))
    assert len(list(open_reader(path, on_error="skip"))) == 1


def test_wdc_pave(tmp_path: Path) -> None:
    scores = {
        "Part": {"X12": {"pid": [0, 1], "score": 1}, "9": {"pid": [1], "score": 1}},
        "Length": {"n/a": 1},
        "Maker": {"Hewlett-Packard": {"pid": [0], "score": 1}},
        "Use": {"US": {"pid": [1], "score": 1}},
    }
    record = {
        "id": 7, "category": "Office", "input_title": "HP X12 and X123, X12",
        "input_description": "X12 USB 9.", "target_scores": scores,
    }  # fmt: skip
    reader = open_reader(write_lines(tmp_path / "w.jsonl", record, {**record, "input_description": None}))
    one, two = (row.product for row in reader)
    assert reader.format == "wdc-pave"
    assert (one.id, one.category, two.id) == ("7", "Office", "7#2")
    assert one.stated == {
        "Part": (
            Stated("X12", (Span("title", 3, 6), Span("title", 17, 20), Span("description", 0, 3))),
            Stated("9", (Span("description", 8, 9),)),
        ),
        "Length": (),
        "Maker": (Stated("Hewlett-Packard"),),
        "Use": (Stated("US", (Span("description", 4, 6),)),),  # part of a word, as it stands nowhere else
    }
    assert two.sources == (Source("title", "HP X12 and X123, X12"),)
    bad = write_lines(tmp_path / "b.jsonl", record, {"input_title": "x"})
    with pytest.raises(InputError, match=r'row 2, field "target_scores": this field is missing'):
        list(open_reader(bad))


def test_several_values_make_an_attribute_multi_valued(tmp_path: Path) -> None:
    rows = [gpt("t", "Tea", Brand=["x"], Flavor=["a", "b"] if i < 2 else ["a"]) for i in range(10)]
    schema = open_reader(write_lines(tmp_path / "g.jsonl", *rows)).schema()
    assert schema is not None
    assert {a.name: a.many for a in schema.of("Tea")} == {"Brand": False, "Flavor": True}


def test_videoave_and_flipkart_are_tables_with_packed_columns(tmp_path: Path) -> None:
    video = write(
        tmp_path / "v.csv",
        "product_id,video_url,content_url,video_title,parent_title,aspects\n"
        "B1,https://a,https://b,Look,Steel pan,\"{'Material': 'Steel'}\"\n",
    )
    reader = open_reader(video)
    (row,) = reader
    assert reader.format == "videoave"
    assert row.product.sources == (Source("title", "Steel pan"),)
    assert row.product.stated == {"Material": (Stated("Steel"),)}
    assert reader.mapping is not None
    assert reader.mapping["aspects"].reason == 'the format "videoave" says so'


def test_formats_by_the_first_bytes(tmp_path: Path) -> None:
    scores = {"target_scores": {"Brand": {"n/a": 1}}}
    longer = {"input_title": "x", "input_description": "x " * 50_000, **scores}  # than what is looked at
    assert open_reader(write_lines(tmp_path / "w.jsonl", longer)).format == "wdc-pave"
    paragraphs = {"id": "1", "paragraphs": [{"text": "x " * 50_000, "source": "title"}], "attributes": []}
    assert open_reader(write_lines(tmp_path / "m.jsonl", paragraphs)).format == "mave"
    assert open_reader(write_lines(tmp_path / "t.jsonl", {"id": 1, "title": "x"})).format == "table"
    assert open_reader(write(tmp_path / "b.jsonl", '{"id": 1,\n'), on_error="skip").format == "table"


REAL = [
    ("ae110k/publish_data.train.txt", "ae110k", 13262, 13295, 3221, 0),
    ("extractgpt/ae-110k/train.jsonl", "extractgpt", 1568, 3730, 630, 0),
    ("extractgpt/oa-mine/train.jsonl", "extractgpt", 1452, 7360, 9373, 0),
    ("wdc_pave/wdc_with_all_attributes/train_large.jsonl", "wdc-pave", 1066, 6947, 9492, 0),
    ("wdc_pave/wdc_normalized/train_large.jsonl", "wdc-pave", 1066, 4859, 3973, 0),
    ("mave_format/train/mave_positives.jsonl", "mave", 6253, 6253, 0, 15),
    ("mave_format/validation/mave_negatives.jsonl", "mave", 949, 0, 949, 0),
    ("videoave/appliances_train.csv", "videoave", 1733, 6382, 0, 294),
    ("fashion/styles.csv", "fashion", 10000, 40000, 0, 0),
    ("flipkart/products.csv", "flipkart", 844, 9770, 4, 0),
]


@pytest.mark.parametrize(("name", "format", "rows", "filled", "none", "warned"), REAL)
def test_the_real_data_sets(
    data_dir: Path, name: str, format: str, rows: int, filled: int, none: int, warned: int
) -> None:
    reader = open_reader(data_dir / name)
    counts: Counter[bool] = Counter()
    number = 0
    for row in reader:
        number += 1
        counts.update(bool(values) for values in row.product.stated.values())
        for values in row.product.stated.values():
            for value in values:
                for span in value.spans:
                    text = row.product.text(span.source)
                    assert text is not None
                    assert text[span.start : span.end] == value.text
    assert (reader.format, number, counts[True], counts[False]) == (format, rows, filled, none)
    assert (reader.skipped, reader.warned) == (0, warned)


def test_the_real_column_names_of_a_wdc_file_are_read_behind_its_mark(data_dir: Path) -> None:
    reader = open_reader(data_dir / "wdc_pave" / "descriptions.csv")
    assert reader.dialect is not None
    assert (reader.dialect.delimiter, reader.dialect.mark) == (";", True)
    assert reader.columns is not None
    assert reader.columns[0] == "Category"
    assert len(list(reader)) == 70
