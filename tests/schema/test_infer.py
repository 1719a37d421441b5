"""The schema a table implies."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import pytest

from attrex.core import Attribute, Product, Stated
from attrex.schema import infer as infer_module
from attrex.schema import infer_schema


def column(cells: Iterable[str], name: str = "A") -> Iterator[Product]:
    for number, cell in enumerate(cells):
        yield Product(str(number), stated={name: (Stated(cell),)})


def inferred(cells: Iterable[str], name: str = "A") -> Attribute:
    (attribute,) = infer_schema(column(cells, name)).attributes
    return attribute


def test_examples_are_the_most_frequent_values_in_their_most_frequent_writing() -> None:
    cells = ["red", "Navy", "navy", "Navy", " red ", "", "Navy", *(f"c{i}" for i in range(20)), "x" * 61]
    assert inferred(cells).examples == ("Navy", "red", *(f"c{i}" for i in range(8)))


def test_nothing_is_ever_forbidden() -> None:
    assert inferred(["red"] * 100).values == ()


@pytest.mark.parametrize(
    ("cells", "delimiter"),
    [
        (["red; blue", "blue;red", "red", "green; red"], "; "),
        (["red|blue", "blue|red", "red", "green|red"], "|"),
        (["red, blue", "blue, red", "red", "blue"] * 2, ", "),
        (["red/blue", "blue/red", "red", "blue/green", "green"], "/"),
        # Once or twice is an accident.
        (["red; blue", "blue; red", "red", "green"], None),
        # Parts that stand nowhere else: the comma belongs to the value.
        (["Salt, coarse", "Pepper, black", "Sugar, brown", "Flour, white"], None),
        (["1,000", "1,500", "1,000,000"], None),
        (["3/4", "1/2", "3/8"], None),
        (["10 x 20 cm", "5 x 5 cm", "2 x 3 cm"], None),
        (["S/M", "L/XL", "S/M", "L/XL", "XXL"], None),
        ([], None),
    ],
)
def test_delimiters(cells: list[str], delimiter: str | None) -> None:
    schema = infer_schema(column(cells), names=["A"])
    assert schema.attributes[0].delimiter == delimiter
    assert schema.attributes[0].many == (delimiter is not None)


def test_examples_are_split() -> None:
    assert inferred(["red; blue", "blue; red", "red", "green; red"]).examples == ("red", "blue", "green")


def test_several_stated_values_need_no_delimiter() -> None:
    product = Product("1", stated={"A": (Stated("red"), Stated("blue"))})
    assert infer_schema([product]).attributes == (Attribute("A", many=True, examples=("red", "blue")),)


@pytest.mark.parametrize(
    ("name", "cells", "unit"),
    [
        ("Width", ["40mm", "4 cm", "50 mm", "60 mm", "7 mm"], "mm"),
        ("Width (cm)", ["40", "50"], "cm"),
        ("Width [inches]", ["40", "50"], "in"),
        ("width_cm", [], "cm"),
        ("Weight in kg", ["1,5", "2"], "kg"),
        ("Weight in kg", ["heavy", "light"], None),
        ("Colour (l)", ["red"], None),
        ("Size", ["40", "42"], None),
        ("Content", ["8 oz", "12 count", "6 oz"], None),
        ("Size", ["M", "42 cm", "L"], None),
    ],
)
def test_units(name: str, cells: list[str], unit: str | None) -> None:
    (attribute,) = infer_schema(column(cells, name), names=[name]).attributes
    assert attribute.unit == unit


def test_rare_slips_do_not_make_many() -> None:
    slip = Product("1", stated={"A": (Stated("red"), Stated("blue"))})
    assert infer_schema([slip, *column(["red"] * 99)]).attributes[0].many
    assert not infer_schema([slip, *column(["red"] * 100)]).attributes[0].many


def test_named_columns_come_first_and_stay_though_empty() -> None:
    schema = infer_schema([Product("1", stated={"B": (Stated("x"),), "C": ()})], names=["A", "B"])
    assert [a.name for a in schema.attributes] == ["A", "B", "C"]
    assert [a.examples for a in schema.attributes] == [(), ("x",), ()]


def test_memory_is_bounded_and_frequent_values_survive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infer_module, "_DISTINCT", 100)
    held = infer_module._Column()
    cells = [f"rare {i}" for i in range(5_000)] + ["often"] * 500
    random.Random(0).shuffle(cells)
    for cell in cells:
        held.add(cell)
    held.add("prose " * 100)
    assert len(held.cells) <= 100
    assert held.attribute("A").examples[0] == "often"


def test_cells_that_were_cut_already_have_several_values() -> None:
    (attribute,) = infer_schema(column(["red", "blue"]), delimiters={"A": "|", "B": ";"}).attributes
    assert (attribute.name, attribute.many, attribute.delimiter) == ("A", True, "|")
    assert attribute.examples == ("red", "blue")
