"""MEPAVE, MAE and ImplicitAVE; and the tables that name pictures."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from attrex.core import Picture, Source, Span, Stated
from attrex.errors import InputError
from attrex.io.mapping import ColumnMapping
from attrex.io.presets import PRESETS
from attrex.io.reader import open_reader
from tests.io.files import write, write_lines

JAVE = (
    "c_1\ts_1\t橙色与黑色的撞色鞋\t<颜色>橙色与黑色</颜色>的<图案>撞色</图案>鞋\n"
    "c_1\ts_2\t黑色鞋黑色带\t<颜色>黑色</颜色>鞋<颜色>黑色</颜色>带\n"
    "c_2\ts_3\t舒适的鞋\t舒适的鞋\n"
)


def test_mepave_in_jave_s_format(tmp_path: Path) -> None:
    reader = open_reader(write(tmp_path / "jdai.jave.fashion.train", JAVE))
    one, two, three = (row.product for row in reader)
    assert (reader.format, reader.complete) == ("mepave", True)
    assert (one.id, one.category, one.pictures) == ("s_1", None, ())
    assert one.sources == (Source("title", "橙色与黑色的撞色鞋"),)
    assert one.stated == {
        "颜色": (Stated("橙色与黑色", (Span("title", 0, 5),)),),
        "图案": (Stated("撞色", (Span("title", 6, 8),)),),
    }
    assert two.stated == {
        "颜色": (Stated("黑色", (Span("title", 0, 2), Span("title", 3, 5))),),
        "图案": (),
    }
    assert three.stated == {"颜色": (), "图案": ()}
    schema = reader.schema()
    assert schema is not None
    assert [a.name for a in schema.attributes] == ["颜色", "图案"]


def test_mepave_s_documents_name_the_pictures(tmp_path: Path) -> None:
    path = write(tmp_path / "train", JAVE)
    products = [row.product for row in open_reader(path, mapping=ColumnMapping(picture_folder="jpg/"))]
    assert [p.pictures for p in products] == [(Picture(f"jpg/{name}"),) for name in ("c_1", "c_1", "c_2")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("c_9\ts_9\t红鞋\n", "row 4: it has 3 fields, not document, sentence, text and labelled text. Fix"),
        (
            "c_9\ts_9\t红鞋\t<颜色>红鞋\n",
            'row 4, field "labelled text": without its tags this is "<颜色>红鞋", which is not the text '
            '"红鞋". Fix: close every <tag> by </tag>',
        ),
        ("c_9\ts_9\t红鞋\t<颜色>红</图案>鞋\n", 'row 4, field "labelled text": without its tags'),
    ],
)  # fmt: skip
def test_mepave_with_a_broken_line(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "train", JAVE + line)
    with pytest.raises(InputError) as caught:
        list(open_reader(path))
    assert message in str(caught.value)
    reader = open_reader(path, on_error="skip")
    assert (len(list(reader)), reader.skipped) == (3, 1)


def test_mepave_in_another_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "train", JAVE, "gb18030")
    with pytest.raises(InputError, match="row 1: it is no UTF-8 text"):
        list(open_reader(path, format="mepave"))
    assert len(list(open_reader(path, encoding="gb18030"))) == 3


def triples(text: str, *pairs: tuple[str, str]) -> dict[str, Any]:
    made = [{"subject": "#", "predicate": f"@{name}", "object": value} for name, value in pairs]
    return {"text_id": f"c_{len(text)}", "text": f"#{text}", "tokens": list(text), "spo_list": made}


def test_mepave_in_attgen_s_format(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "attgen.json",
        triples("hc圆领拼接连衣裙", ("领型", "圆领"), ("风格", "拼接"), ("风格", "优雅")),
        triples("红红", ("颜色", "红")),
        {"text": "#x", "spo_list": []},
    )
    reader = open_reader(path)
    one, two, three = (row.product for row in reader)
    assert (reader.format, one.id, three.id) == ("mepave", "c_9", "row-3")
    assert one.text("title") == "hc圆领拼接连衣裙"
    assert one.stated == {
        "领型": (Stated("圆领", (Span("title", 2, 4),)),),
        "风格": (Stated("拼接", (Span("title", 4, 6),)), Stated("优雅")),
        "颜色": (),
    }
    assert two.stated["颜色"] == (Stated("红", (Span("title", 0, 1), Span("title", 1, 2))),)


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"text": 3, "spo_list": []}, "text"),
        ({"text": "#x", "spo_list": [{"predicate": "@a"}]}, "spo_list"),
        ({"text": "#x", "spo_list": "none"}, "spo_list"),
    ],
)
def test_attgen_rows_of_the_wrong_shape(tmp_path: Path, record: dict[str, Any], field: str) -> None:
    path = write_lines(tmp_path / "attgen.json", triples("红", ("颜色", "红")), record)
    with pytest.raises(InputError, match=rf'row 2, field "{field}": this field is missing or of the wrong'):
        list(open_reader(path))


MAE = [
    {
        "url": "https://shop.example/1",
        "clean_text": "A red shoe.",
        "images": ["1.jpg", {"file": "2.jpg"}, {"url": "https://shop.example/3.jpg"}],
        "specs": {"Color": "red", "Sizes": ["40", "41"], "Weight": ""},
    },
    {"id": 7, "title": "Shoe", "category": "Shoes", "tokens": ["a", "shoe"], "specs": {}},
]


def test_mae_as_one_list_and_as_lines(tmp_path: Path) -> None:
    listed = write(tmp_path / "0001.json", json.dumps(MAE))
    lines = write_lines(tmp_path / "mae.jsonl", *MAE)
    reader = open_reader(listed, mapping=ColumnMapping(picture_folder="img"))
    one, two = (row.product for row in reader)
    assert (reader.format, open_reader(lines).format) == ("mae", "mae")
    assert (one.id, one.category, one.sources) == (
        "https://shop.example/1",
        None,
        (Source("description", "A red shoe."),),
    )
    assert [p.location for p in one.pictures] == ["img/1.jpg", "img/2.jpg", "https://shop.example/3.jpg"]
    assert one.stated == {"Color": (Stated("red"),), "Sizes": (Stated("40"), Stated("41"))}
    assert (two.id, two.category, two.stated) == ("7", "Shoes", {})
    assert two.sources == (Source("title", "Shoe"), Source("description", "a shoe"))
    assert [row.product.sources for row in open_reader(lines)] == [one.sources, two.sources]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            {"specs": {}},
            'row 2, field "text": this field is missing or of the wrong kind. Fix: write {"text"',
        ),
        ({"text": "a", "specs": []}, 'row 2, field "specs"'),
        ({"text": "a", "specs": {}, "images": [3]}, 'row 2, field "images"'),
        ({"tokens": ["a", 3], "specs": {}}, 'row 2, field "text"'),
        (3, "row 2: it is a JSON int, not an object"),
    ],
)
def test_mae_rows_of_the_wrong_shape(tmp_path: Path, record: Any, message: str) -> None:
    path = write(tmp_path / "1.json", json.dumps([MAE[0], record]))
    with pytest.raises(InputError) as caught:
        list(open_reader(path))
    assert message in str(caught.value)
    assert len(list(open_reader(path, on_error="skip"))) == 1


def test_mae_cut_off(tmp_path: Path) -> None:
    path = write(tmp_path / "1.json", json.dumps(MAE)[:-3])
    with pytest.raises(InputError, match=r"1.json: it is no JSON \(.*\)\. Fix: copy the file again"):
        list(open_reader(path))


TSV = (
    "id\timages\tcategory\ttexts\tattribute_names\tattribute_values\n"
    'B1\tB1.jpg\tDresses\t"[Title] Dress 13"" [Upper]"\tNeckline\tV Neck\n'
    "B1\tB1.jpg\tDresses\t[Title] Dress\tLength\tLong\n"
    "B2\t\tShirts\t[Title] \tLength\t\n"
)


def test_implicitave(tmp_path: Path) -> None:
    (tmp_path / "Clothing").mkdir()
    reader = open_reader(write(tmp_path / "Clothing" / "train.tsv", TSV))
    assert reader.format == "implicitave"
    one, two, three = (row.product for row in reader)
    assert (one.id, two.id, one.category) == ("B1", "B1#2", "Dresses")
    assert one.sources == (Source("title", 'Dress 13" [Upper]'),)
    assert one.pictures == (Picture("images/B1.jpg"),)
    assert (one.stated, two.stated) == ({"Neckline": (Stated("V Neck"),)}, {"Length": (Stated("Long"),)})
    assert (three.sources, three.pictures, three.stated) == ((), (), {})
    schema = reader.schema()
    assert schema is not None
    assert [a.name for a in schema.of("Dresses")] == ["Neckline", "Length"]


def test_implicitave_s_photographs_stand_beside_the_domains(tmp_path: Path) -> None:
    (tmp_path / "Clothing").mkdir()
    reader = open_reader(write(tmp_path / "Clothing" / "train.tsv", TSV))
    assert reader.folder == tmp_path / "Clothing"
    (tmp_path / "images").mkdir()
    assert reader.folder.resolve() == tmp_path
    own = open_reader(reader.path, mapping=ColumnMapping(picture_folder="photos"))
    assert next(iter(own)).product.pictures == (Picture("photos/B1.jpg"),)


def test_implicitave_needs_its_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "id\ttexts\n1\t[Title] x\n")
    with pytest.raises(InputError) as caught:
        list(open_reader(path, format="implicitave"))
    assert str(caught.value) == (
        f'{path}, row 1, field "attribute_names": this field is missing or of the wrong kind. Fix: write the '
        "columns attribute_names, attribute_values, category, id, images, texts"
    )


def test_pictures_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.csv", "id,title\n7,Shoe\n")
    assert open_reader(path).folder == tmp_path
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert open_reader("-").folder == Path()


def test_folders_by_id_need_no_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,title,image\n7,Shoe,a.jpg\n,Boot,\n")
    beside = write(tmp_path / "b.csv", "id,title\n7,Shoe\n,Boot\n")
    wish = ColumnMapping(picture_folder="photos/")
    assert [r.product.pictures for r in open_reader(path, mapping=wish)] == [(Picture("photos/a.jpg"),), ()]
    assert [r.product.pictures for r in open_reader(beside, mapping=wish)] == [(Picture("photos/7"),), ()]
    assert [r.product.pictures for r in open_reader(beside)] == [(), ()]


def test_a_folder_without_a_name_is_where_pictures_are_looked_for_themselves(tmp_path: Path) -> None:
    wish = ColumnMapping(picture_folder="")
    named = write(tmp_path / "a.csv", "id,title,image\n7,Shoe,a.jpg\n")
    by_id = write(tmp_path / "b.csv", "id,title\n7,Shoe\n,Boot\n")
    assert [r.product.pictures for r in open_reader(named, mapping=wish)] == [(Picture("a.jpg"),)]
    assert [r.product.pictures for r in open_reader(by_id, mapping=wish)] == [(Picture("7"),), ()]
    flipkart = ColumnMapping(picture_folder="").over(PRESETS["flipkart"])
    assert flipkart.picture_folder == ""
    implicit = open_reader(write(tmp_path / "train.tsv", TSV), mapping=wish)
    assert next(iter(implicit)).product.pictures == (Picture("B1.jpg"),)
    record = '{"text": "A red shoe", "images": ["1.jpg"], "specs": {"Color": "red"}}\n'
    mae = open_reader(write(tmp_path / "m.jsonl", record), format="mae", mapping=wish)
    assert next(iter(mae)).product.pictures == (Picture("1.jpg"),)


REAL = [
    ("mepave_samples/jave_jdai.jave.fashion.train.sample", "mepave", 50, 58, 0, 0),
    ("mepave_samples/kplug_jdai.jave.fashion.train", "mepave", 200, 217, 0, 0),
    ("mepave_samples/kplug_jdai.jave.fashion.test", "mepave", 200, 219, 0, 0),
    ("mepave_samples/attgen_data_jave_sample_test_data.json", "mepave", 20, 23, 0, 0),
    ("implicitave/Clothing/evaluation.tsv", "implicitave", 122, 122, 122, 0),
    ("implicitave/Home/train.tsv", "implicitave", 9292, 9292, 9292, 0),
    ("fashion/styles.csv", "fashion", 10000, 40000, 10000, 0),
    ("flipkart/products.csv", "flipkart", 844, 9770, 844, 3),
]


@pytest.mark.parametrize(("name", "format", "rows", "filled", "pictures", "gone"), REAL)
def test_the_real_data_sets(
    data_dir: Path, name: str, format: str, rows: int, filled: int, pictures: int, gone: int
) -> None:
    reader = open_reader(data_dir / name)
    counts: Counter[str] = Counter()
    for row in reader:
        product = row.product
        counts["rows"] += 1
        counts["pictures"] += len(product.pictures)
        counts["filled"] += sum(bool(values) for values in product.stated.values())
        if name.startswith(("fashion", "flipkart")) or "evaluation" in name:
            counts["gone"] += sum(not (reader.folder / p.location).is_file() for p in product.pictures)
        for values in product.stated.values():
            for value in values:
                assert format != "mepave" or value.spans
                for span in value.spans:
                    assert (product.text(span.source) or "")[span.start : span.end] == value.text
    found = tuple(counts[key] for key in ("rows", "filled", "pictures", "gone"))
    assert (reader.format, *found) == (format, rows, filled, pictures, gone)
    assert (reader.skipped, reader.warned) == (0, 0)
