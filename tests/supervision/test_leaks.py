"""Sources that state the attribute itself."""

import pytest

from attrex.core import Attribute, Product, Source, Stated
from attrex.schema.schema import Schema
from attrex.supervision.leaks import Leak, find_leaks, remove_leaks

SCHEMA = Schema([Attribute("Brand"), Attribute("Color")])


def product(specification: str, brand: str | None = "Acme", title: str = "Acme kettle") -> Product:
    sources = (Source("title", title), Source("specification", specification))
    return Product("p", None, sources, (), {"Brand": (Stated(brand),)} if brand else {})


@pytest.mark.parametrize(
    "specification",
    [
        "Brand: Acme",
        "weight: 1 kg; BRAND = ACME; wattage: 5",
        "Brand | Acme",
        "Brand - Acme",
        "Brand\tAcme",
        '{"Brand"=>"Acme"}',
        '{"key"=>"Brand", "value"=>"Acme"}',
        "{'Brand': 'Acme'}",
    ],
)
def test_statements_are_seen(specification: str) -> None:
    leaks = find_leaks([product(specification)] * 2 + [product("no")] * 2, SCHEMA)
    assert leaks == [Leak("specification", "Brand", 0.5)]


@pytest.mark.parametrize(
    "specification",
    ["Acme", "a brand that Acme makes", "Brand: Other", "Brandy: Acme", "Brand Acme", "Brand: The Acme"],
)
def test_other_texts_are_not(specification: str) -> None:
    assert find_leaks([product(specification)] * 5, SCHEMA) == []


def test_a_single_cell_or_a_small_share_is_no_leak() -> None:
    assert find_leaks([product("Brand: Acme")], SCHEMA) == []
    rare = [product("Brand: Acme")] * 2 + [product("")] * 98
    assert find_leaks(rare, SCHEMA) == []
    assert find_leaks(rare, SCHEMA, min_share=0.02) == [Leak("specification", "Brand", 0.02)]


def test_a_leak_in_words() -> None:
    assert str(Leak("specification", "Brand", 0.504)) == (
        'source "specification" states "Brand" by name in 50% of the filled cells; '
        "this makes the attribute trivial there"
    )


LEAKS = [Leak("specification", "Brand", 1.0), Leak("specification", "Color", 1.0)]


@pytest.mark.parametrize(
    ("specification", "brand", "left"),
    [
        ("Brand: Acme\nPower: 5 W", "Acme", "Power: 5 W"),
        ("Brand: Acme\nPower: 5 W", None, "Power: 5 W"),
        ("Power: 5 W; Brand: Acme; Plug: EU", None, "Power: 5 W; Plug: EU"),
        ("Brand: Acme Ltd Color: deep red", None, None),
        ("Brand: Acme makes kettles", "Acme", "makes kettles"),
        ("Color: red Brand: Acme Power: 5 W", "Acme", "Power: 5 W"),
        ("Power: 5 W", "Acme", "Power: 5 W"),
    ],
)
def test_removal(specification: str, brand: str | None, left: str | None) -> None:
    bare = remove_leaks(product(specification, brand), LEAKS)
    assert bare.text("specification") == left
    assert bare.text("title") == "Acme kettle"


def test_nothing_is_found_after_removal() -> None:
    products = [product(f"Power: {n} W, Brand: Acme, Color: red") for n in range(5)]
    leaks = find_leaks(products, SCHEMA)
    assert find_leaks([remove_leaks(p, leaks) for p in products], SCHEMA) == []
