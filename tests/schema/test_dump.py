"""What is written reads back as the same schema."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Attribute
from attrex.schema import Category, Schema, dump_schema, parse_schema
from attrex.schema.document import load_yaml
from attrex.schema.place import Place

TEXT = st.text(max_size=12) | st.sampled_from(
    [
        "no",
        "null",
        "~",
        "1.50",
        "<<",
        "- a",
        "a: b",
        "#x",
        " edge ",
        "é\u2028",
        "\ufeff",
        "😀",
        "a\nb",
        "a" * 200,
    ]
)
NAME = TEXT.filter(lambda text: bool(text.strip()))
VALUES = st.lists(TEXT.filter(bool), max_size=3).map(tuple)
ATTRIBUTE = st.builds(
    Attribute,
    NAME,
    description=TEXT,
    values=VALUES,
    unit=st.none() | TEXT,
    many=st.booleans(),
    examples=VALUES,
    delimiter=st.none() | TEXT.filter(bool),
)
ATTRIBUTES = st.lists(ATTRIBUTE, min_size=1, max_size=3, unique_by=lambda a: a.name)


@given(ATTRIBUTES, st.lists(ATTRIBUTES, max_size=2), NAME, NAME)
def test_round_trip(common: list[Attribute], own: list[list[Attribute]], name: str, other: str) -> None:
    names = [name, name + other]
    categories = [
        Category(names[i], names[0] if i else None, tuple(attributes)) for i, attributes in enumerate(own)
    ]
    schema = Schema(common, categories)
    again = parse_schema(load_yaml(dump_schema(schema), Place()))
    assert again.attributes == schema.attributes
    assert list(again.categories.values()) == categories
    assert again.version == schema.version


def test_it_is_readable() -> None:
    schema = Schema(
        [Attribute("Brand"), Attribute("Material", "What it is made of")],
        [
            Category("Shoes", None, (Attribute("Size", values=("38", "39"), unit="cm"),)),
            Category("Hats", "Shoes"),
        ],
    )
    assert dump_schema(schema) == (
        "attributes:\n"
        "  Brand:\n"
        "  Material: What it is made of\n"
        "categories:\n"
        "  Shoes:\n"
        "    attributes:\n"
        "      Size:\n"
        "        values: ['38', '39']\n"
        "        unit: cm\n"
        "  Hats:\n"
        "    parent: Shoes\n"
    )


def test_attributes_of_categories_alone() -> None:
    schema = Schema(categories=[Category("Shoes", None, (Attribute("Size"),))])
    assert "\nattributes" not in "\n" + dump_schema(schema)
    assert parse_schema(load_yaml(dump_schema(schema), Place())) == schema
