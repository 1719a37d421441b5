from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attrex.core import Product, Source, Span, Stated, Status
from attrex.errors import InputError
from attrex.io.amazon import paragraphs
from attrex.io.mave import record
from attrex.io.reader import open_reader
from attrex.io.rows import Row
from tests.io.files import found, unfound, write_lines

META: list[dict[str, Any]] = [
    {
        "asin": "B1",
        "title": "D&#39;Addario <b>Strings</b>",
        "description": [
            "",
            "<p>Bronze  wound<br>strings</p><style>p {x:1}</style>",
            'see <a href="x">here</a> <a href',
        ],
        "feature": ["Light gauge", "Light gauge, long life"],
        "price": "$5",
        "brand": None,
    },
    {"asin": "B1", "title": "the same id once more"},
    {"asin": "B2", "title": "var x = getTime()", "brand": "y"},
    {"asin": "B9", "title": "not labelled"},
]
LABELS = [
    {
        "id": "B1",
        "category": "Guitar Strings",
        "attributes": [
            {"key": "Gauge", "evidences": [
                {"value": "Light", "pid": 2, "begin": 0, "end": 5},
                {"value": "Light", "pid": 3, "begin": 0, "end": 5},
                {"value": "Light gauge", "pid": 3, "begin": 0, "end": 11},
            ]},
            {"key": "Core", "evidences": [{"value": "Bronze", "pid": 1, "begin": -1, "end": 5}]},
            {"key": "Color", "evidences": []},
        ],
    },
    {"id": "B2", "category": "Guitar Strings", "attributes": []},
    {"id": "B3", "category": "Guitar Strings", "attributes": []},
]  # fmt: skip


def test_metadata_is_cleaned_as_the_labels_presuppose() -> None:
    assert paragraphs(META[0]) == [
        ("title", "D'Addario Strings"),
        ("description", "Bronze wound strings"),
        ("feature", "Light gauge"),
        ("feature", "Light gauge, long life"),
        ("price", "$5"),
    ]
    assert paragraphs(META[2]) == []  # no title is left
    css = " ".join([".a #b div x-y-z 2px"] * 10)
    assert paragraphs({"title": "t", "description": css}) == [("title", "t")]
    assert paragraphs({"title": "a &copy; b &#150; &#0; &nope; &#x41;<!-- c -->d"}) == [
        ("title", "a © b – \ufffd &nope A d")
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_labels_join_the_metadata(tmp_path: Path, packed: bool) -> None:
    labels = write_lines(tmp_path / "labels.jsonl", *LABELS)
    if packed:
        labels = tmp_path / "labels.jsonl.gz"
        labels.write_bytes(gzip.compress((tmp_path / "labels.jsonl").read_bytes()))
    metadata = write_lines(tmp_path / "meta.json", *META)
    reader = open_reader(labels, metadata=metadata)
    (row,) = reader
    assert (row.number, row.product.id, row.product.category) == (1, "B1", "Guitar Strings")
    assert [s.name for s in row.product.sources] == ["title", "description", "feature", "feature#2", "price"]
    assert row.product.stated == {
        "Gauge": (
            Stated("Light", (Span("feature", 0, 5), Span("feature#2", 0, 5))),
            Stated("Light gauge", (Span("feature#2", 0, 11),)),
        ),
        "Core": (Stated("Bronze"),),
        "Color": (),
    }
    offset, missing = (str(w) for w in reader.warnings)
    assert 'row 1, field "Core": paragraph 1, characters -1 to 5 are not "Bronze". Fix: none needed' in offset
    assert "1 of 3 labelled products are not in" in missing
    assert missing.endswith("Fix: give the complete metadata file")
    assert len(list(reader)) == 1
    assert reader.fraction() == 1.0


def test_a_label_file_alone_says_what_it_needs(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "labels.jsonl", *LABELS)
    with pytest.raises(InputError) as caught:
        list(open_reader(path))
    assert str(caught.value).endswith(
        'row 1, field "paragraphs": this field is missing or of the wrong kind. '
        "Fix: this is a label file: name the Amazon metadata it belongs to"
    )


def test_written_records_are_read_again(tmp_path: Path) -> None:
    product = Product(
        "a", "Tea", (Source("title", "Green TEA 👟 red"), Source("feature", "x"), Source("feature#2", "red"))
    )
    row = Row(1, product)
    written = record(
        product,
        [
            found(row, "Color", "red", "dark"),
            unfound(row, "Size"),
            unfound(row, "Fit", Status.ABSTAINED),
        ],
    )
    assert written == {
        "id": "a",
        "category": "Tea",
        "paragraphs": [
            {"text": "Green TEA 👟 red", "source": "title"},
            {"text": "x", "source": "feature"},
            {"text": "red", "source": "feature"},
        ],
        "attributes": [
            {
                "key": "Color",
                "evidences": [{"value": "red", "pid": 0, "begin": 12, "end": 15}],
                "inferred": [{"value": "dark", "probability": 0.9}],
                "status": "found",
                "probability": 0.9,
            },
            {"key": "Size", "evidences": [], "status": "not_stated", "probability": 0.8},
            {"key": "Fit", "evidences": [], "status": "abstained", "probability": 0.8},
        ],
    }
    (again,) = open_reader(write_lines(tmp_path / "m.jsonl", written))
    assert again.product.sources == product.sources
    assert again.product.stated == {
        "Color": (Stated("red", (Span("title", 12, 15),)), Stated("dark")),
        "Size": (),
    }


def test_another_spelling_stands_beside_the_offsets() -> None:
    product = Product("a", None, (Source("title", "Size 40 mm"),))
    (extraction,) = [found(Row(1, product), "Size", "40 mm")]
    (value,) = extraction.values
    other = replace(extraction, values=(replace(value, text="40mm"),))
    (attribute,) = record(product, [other])["attributes"]
    assert attribute["evidences"] == [{"value": "40 mm", "pid": 0, "begin": 5, "end": 10, "spelling": "40mm"}]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"paragraphs": [{"source": "title"}]}, "paragraphs"),
        ({"category": 3}, "category"),
        ({"attributes": [{"key": "a", "evidences": ["x"]}]}, "attributes"),
        ({"attributes": [{"key": "a", "inferred": [3]}]}, "attributes"),
    ],
)
def test_records_of_the_wrong_shape(tmp_path: Path, change: dict[str, object], field: str) -> None:
    good = {"id": "a", "category": "Tea", "paragraphs": [{"text": "x", "source": "title"}], "attributes": []}
    path = write_lines(tmp_path / "m.jsonl", good, {**good, **change})
    with pytest.raises(InputError, match=rf'row 2, field "{field}"'):
        list(open_reader(path))
    assert len(list(open_reader(path, on_error="skip"))) == 1


def test_json_that_is_broken_in_the_metadata(tmp_path: Path) -> None:
    labels = write_lines(tmp_path / "labels.jsonl", LABELS[0])
    metadata = tmp_path / "meta.json"
    metadata.write_text("{'asin': 'B1'}\n" + json.dumps(META[0]) + "\n", "utf-8")
    with pytest.raises(InputError, match=r"meta\.json, row 1: it is no JSON"):
        list(open_reader(labels, metadata=metadata))
    assert len(list(open_reader(labels, metadata=metadata, on_error="skip"))) == 1
