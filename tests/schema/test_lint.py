"""Every finding, by its text."""

from __future__ import annotations

import pytest

from attrex.core import Attribute, Product, Stated
from attrex.schema import Category, Schema, grouped, lint


def found(schema: Schema, products: list[Product] | None = None) -> list[str]:
    return [str(finding) for finding in lint(schema, products)]


def product(category: str | None, **cells: str) -> Product:
    return Product("1", category, stated={name: (Stated(cell),) for name, cell in cells.items()})


GOOD = Attribute("Size", "How large", values=("1.5", "15", "XL"))


def test_a_good_schema_has_nothing() -> None:
    schema = Schema([GOOD], [Category("Shoes", None, (Attribute("Heel", "Its height", unit="cm"),))])
    assert found(schema) == []
    assert found(schema, []) == []
    assert found(schema, [product("Shoes", Size="XL", Heel="4 cm")]) == []


@pytest.mark.parametrize(
    ("attribute", "finding"),
    [
        (
            Attribute("Size"),
            "hint: attributes.Size: nothing but its name is known. "
            "Fix: give a description or a few examples; the models read them",
        ),
        (
            Attribute(" Size", "d"),
            "warning: attributes. Size: the name has stray white space. Fix: trim it",
        ),
        (
            Attribute("Size", values=("Extra large", "extra-large")),
            'warning: attributes.Size: the allowed values "Extra large" and "extra-large" are the same. '
            "Fix: keep one of them",
        ),
        (
            Attribute("Size", values=("XL", "N/A")),
            'warning: attributes.Size: "N/A" among the allowed values is no value. '
            "Fix: remove it; that nothing is stated has its own status",
        ),
        (
            Attribute("Size", values=("S", "M", "L", "5", "XL")),
            'hint: attributes.Size: allowed values of one character ("S", "M", "L" and 1 more) are '
            "found by chance. "
            "Fix: write them out where the catalogue does",
        ),
        (
            Attribute("Size", values=("XL",), examples=("xl", "XXL")),
            'warning: attributes.Size: the examples "XXL" are not allowed values. Fix: allow or remove them',
        ),
        (
            Attribute("Size", "d", unit="furlong"),
            'warning: attributes.Size: the unit "furlong" is unknown; values are not converted. '
            "Fix: use a usual symbol",
        ),
        (
            Attribute("Size", "d", unit="cm", examples=("4 cm", "4 kg")),
            'warning: attributes.Size: "4 kg" is not a quantity in cm. Fix: correct it or drop the unit',
        ),
        (
            Attribute("Size", "d", delimiter=";"),
            'warning: attributes.Size: has a delimiter but only one value. Fix: set "many: true" or drop it',
        ),
        (
            Attribute("Size", "d", values=("a/b",), many=True, delimiter="/"),
            "warning: attributes.Size: the delimiter '/' cuts allowed values apart (\"a/b\"). "
            "Fix: choose another delimiter",
        ),
    ],
)
def test_attributes(attribute: Attribute, finding: str) -> None:
    assert found(Schema([attribute])) == [finding]


def test_names_that_differ_in_spelling_only() -> None:
    schema = Schema(
        [Attribute("Shoe size", "d")],
        [
            Category("Shoes", None, (Attribute("shoe-size", "d"),)),
            Category("shoes", None, (Attribute("Heel", "d"),)),
        ],
    )
    assert found(schema) == [
        'warning: categories.Shoes.attributes.shoe-size: differs from "Shoe size" in spelling only. '
        "Fix: give the two one name",
        'warning: categories.shoes: differs from "Shoes" in spelling only. Fix: give the two one name',
    ]


def test_categories() -> None:
    empty = Schema(
        categories=[Category("Shoes"), Category("Hats", None, (GOOD,)), Category("Caps", "Hats", (GOOD,))]
    )
    assert found(empty) == [
        "warning: categories.Shoes: has no attributes. Fix: name some, or a parent that has",
        "hint: categories.Caps.attributes.Size: is the same as the inherited one. Fix: remove it here",
    ]


def test_what_is_said_of_many_places_is_one_line() -> None:
    names = [f"A{number}" for number in range(12)]
    schema = Schema([*map(Attribute, names[:11]), GOOD, Attribute(" B", "d"), Attribute(names[11])])
    assert len(lint(schema)) == 13
    assert grouped(lint(schema)) == [
        f"hint: {', '.join(f'attributes.{name}' for name in names[:10])} and 2 more: nothing but its name is "
        "known. Fix: give a description or a few examples; the models read them",
        "warning: attributes. B: the name has stray white space. Fix: trim it",
    ]


def test_beside_data() -> None:
    heel = Attribute("Heel", "Its height")
    schema = Schema(
        [GOOD, Attribute("Brand", "Who")], [Category("Shoes", None, (heel,)), Category("Boots", "Shoes")]
    )
    products = [
        product("Shoes", Size="XXL", Heel="4"),
        product("Shoes", Size="xl", Colour="red"),
        product("Hats", Size="XXL", Heel="4"),
        Product("2", "Shoes", stated={"Size": (Stated("XL"), Stated("15")), "Brand": ()}),
    ]
    assert found(schema, products) == [
        "warning: categories.Hats: once in the data, unknown to the schema: such products are asked "
        "the common attributes. Fix: add the category",
        "hint: categories.Boots: no product has this category. Fix: check its spelling",
        'warning: attributes.Colour: once stated, but category "Shoes" has no such attribute. '
        "Fix: add it to the schema, or leave the column out",
        'warning: attributes.Heel: once stated, but category "Hats" has no such attribute. '
        "Fix: add it to the schema, or leave the column out",
        'warning: attributes.Size: once several values in one cell. Fix: set "many: true"',
        'warning: attributes.Size: 2 times a value that is not allowed ("XXL"). '
        "Fix: allow it, or correct the cells",
        "warning: attributes.Brand: has not one filled cell, so nothing can be learnt. "
        "Fix: fill a few, or give examples",
    ]


def test_cells_are_split_by_the_delimiter() -> None:
    schema = Schema([Attribute("Colour", values=("red", "blue"), many=True, delimiter="; ")])
    assert found(schema, [product(None, Colour="red; Blue")]) == []
    assert found(schema, [product(None, Colour="red; pink")]) == [
        'warning: attributes.Colour: once a value that is not allowed ("pink"). '
        "Fix: allow it, or correct the cells"
    ]
