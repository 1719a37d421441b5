from __future__ import annotations

import threading
from pathlib import Path

from attrex.io.ocr import OcrReader, Words
from attrex.io.pictures import PictureAccess
from attrex.io.reader import open_reader
from tests.io.ocr.engines import Told
from tests.io.pictures.made import halves, saved


def catalogue(folder: Path, rows: int = 30) -> Path:
    (folder / "a.png").write_bytes(saved(halves(size=(800, 600))))
    table = folder / "c.csv"
    pictures = ["none.png" if i == 3 else "a.png" for i in range(rows)]
    lines = [f"{i},Cream {i},{picture}" for i, picture in enumerate(pictures)]
    table.write_text("\n".join(["id,title,image", *lines]) + "\n")
    return table


def reader(folder: Path) -> OcrReader:
    inner = open_reader(catalogue(folder))
    return OcrReader(inner, Words(PictureAccess(inner.folder), Told("250 ml")))


def test_every_row_in_order_with_its_words(tmp_path: Path) -> None:
    made = reader(tmp_path)
    for _ in range(2):  # as any reader, again and again
        rows = list(made)
        assert [row.number for row in rows] == list(range(1, 31))
        assert [row.product.text("ocr") for row in rows] == [None if i == 3 else "250 ml" for i in range(30)]
        assert rows[0].cells == {"id": "0", "title": "Cream 0", "image": "a.png"}
        (warning,) = made.warnings
        assert "c.csv, row 4" in str(warning)
        assert 'the words of the picture "none.png" are left out' in str(warning)


def test_a_table_without_pictures_is_told(tmp_path: Path) -> None:
    table = tmp_path / "plain.csv"
    table.write_text("id,title\n1,Cream\n2,Soap\n")
    made = OcrReader(open_reader(table), Words(PictureAccess(tmp_path), Told("250 ml")))
    assert len(list(made)) == 2
    (warning,) = made.warnings
    assert str(warning) == (
        f"{table}: no product has a picture, so that there are no words to read on pictures. Fix: name the "
        "column of pictures, or the folder that has them under the products' ids; or leave reading their "
        "words out"
    )


def test_all_else_is_as_without(tmp_path: Path) -> None:
    made = reader(tmp_path)
    inner = open_reader(tmp_path / "c.csv")
    assert (made.path, made.folder, made.format) == (inner.path, inner.folder, inner.format)
    assert (made.columns, made.header, made.mapping) == (inner.columns, inner.header, inner.mapping)
    assert (made.delimiters, made.dialect) == (inner.delimiters, inner.dialect)
    made.cut_at({"image": ";"})  # no attribute, so that nothing comes of it
    assert made.mapping == inner.mapping
    assert (made.dialect, made.complete, made.schema()) == (inner.dialect, inner.complete, inner.schema())
    list(made)
    assert made.fraction() == 1


def test_who_stops_early_leaves_no_thread(tmp_path: Path) -> None:
    rows = iter(reader(tmp_path))
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("attrex-ocr")]
