"""Products written and read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrex.core import Picture, Product, Source, Stated
from attrex.errors import OutputError
from attrex.io.mapping import ColumnMapping
from attrex.io.product_table import write_products
from attrex.io.reader import open_reader


def product(id: str, texts: dict[str, str], stated: dict[str, tuple[str, ...]], *pictures: str) -> Product:
    return Product(
        id,
        "Hats",
        tuple(Source(n, t) for n, t in texts.items()),
        tuple(map(Picture, pictures)),
        {n: tuple(map(Stated, own)) for n, own in stated.items()},
    )


PLAIN = [
    product(
        "1: a", {"title": 'A "red", hat\nand more', "description": "=1+1"}, {"Colour": ("red",)}, "1.jpg"
    ),
    product("2", {"title": "Hut für 😀"}, {"Colour": ("red", "blue"), "Size": ()}, "a b.jpg", "c,d.jpg"),
    product("3", {"description": "no title"}, {"Size": ("L",)}),
]
ODD = [
    product(
        "1", {"title": "A hat", "notes": "x"}, {"title": ("Mr",), "Price": ("5 $",), "Features": ("warm",)}
    ),
    product("2", {"title": "B hat", "paragraph 1": "y"}, {"Kind": ("a | b",)}),
    product("3", {"title": "C hat"}, {"Kind": ("c | d",), "category": ("x",)}),
]


def read(path: Path, mapping: Path | None) -> list[Product]:
    wish = None if mapping is None else ColumnMapping.from_yaml(mapping)
    return [row.product for row in open_reader(path, mapping=wish)]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv"])
def test_what_convention_reads_needs_no_mapping(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"set.{ending}"
    assert write_products(path, PLAIN) is None
    assert read(path, None) == PLAIN
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_what_convention_would_misread_gets_one(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"set.{ending}"
    mapping = write_products(path, ODD)
    assert mapping == tmp_path / "set.mapping.yaml"
    assert read(path, mapping) == ODD


def test_another_ending_or_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r'"\.xlsx" is no ending that products are written by'):
        write_products(tmp_path / "set.xlsx", PLAIN)
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        write_products(tmp_path / "none" / "set.csv", PLAIN)
