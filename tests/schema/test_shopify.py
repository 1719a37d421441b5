"""Shopify's taxonomy, as a miniature and in full."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from attrex.core import Attribute
from attrex.errors import SchemaError
from attrex.schema import Category, Schema, from_shopify

ATTRIBUTES = """
base_attributes:
- {id: 1, name: Color, description: Its colour, friendly_id: color,
   values: [color__red, color__navy, color__other]}
- {id: 2, name: Brim, description: Its brim, friendly_id: brim, values: [brim__wide]}
extended_attributes:
- {name: Lining color, description: Within, friendly_id: lining_color, values_from: color}
- {name: Broken, description: x, friendly_id: broken, values_from: nothing}
"""
VALUES = """
- {id: 1, name: Red, friendly_id: color__red}
- {id: 2, name: Navy, friendly_id: color__navy}
- {id: 3, name: Other, friendly_id: color__other}
- {id: 4, name: Wide, friendly_id: brim__wide}
"""
CATEGORIES = """
- {id: aa, name: Apparel, children: [aa-1, aa-2, aa-3], attributes: [color]}
- {id: aa-1, name: Hats, children: [aa-1-1, aa-1-2], attributes: [brim, color]}
- {id: aa-1-1, name: Caps, children: [], attributes: [lining_color]}
- {id: aa-1-2, name: Bonnets, children: [], attributes: [brim, lining_color, color]}
- {id: aa-2, name: Boxes, children: [aa-2-1], attributes: []}
- {id: aa-2-1, name: Bonnets, children: [], attributes: [color]}
- {id: aa-3, name: Odd, children: [], attributes: [broken]}
"""
COLOR = Attribute("Color", "Its colour", ("Red", "Navy"), many=True, delimiter="; ")
LINING = Attribute("Lining color", "Within", ("Red", "Navy"), many=True, delimiter="; ")
BRIM = Attribute("Brim", "Its brim", ("Wide",), many=True, delimiter="; ")


@pytest.fixture
def taxonomy(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "categories").mkdir(parents=True)
    (data / "attributes.yml").write_text(ATTRIBUTES)
    (data / "values.yml").write_text(VALUES)
    (data / "categories" / "aa.yml").write_text(CATEGORIES)
    return tmp_path


def categories(schema: Schema) -> list[Category]:
    return list(schema.categories.values())


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("Hats", "Hats"),
        ("hats", "Hats"),
        ("Apparel > Hats", "Apparel > Hats"),
        ("apparel>hats", "Apparel > Hats"),
        ("aa-1", "Apparel > Hats"),
    ],
)
def test_by_name_path_and_id(taxonomy: Path, asked: str, name: str) -> None:
    assert categories(from_shopify(taxonomy, [asked])) == [Category(name, None, (BRIM, COLOR))]
    assert from_shopify(taxonomy / "data", [asked]) == from_shopify(taxonomy, [asked])


def test_extended_attributes_have_their_bases_values(taxonomy: Path) -> None:
    assert from_shopify(taxonomy, ["Caps"]).of("Caps") == (LINING,)


def test_a_child_of_the_nearest_chosen_one_that_gives_it_all_it_has(taxonomy: Path) -> None:
    schema = from_shopify(taxonomy, ["Apparel", "Hats", "Caps", "aa-2-1"])
    assert categories(schema) == [
        Category("Apparel", None, (COLOR,)),
        Category("Hats", "Apparel", (BRIM,)),
        Category("Caps", None, (LINING,)),
        Category("Apparel > Boxes > Bonnets", "Apparel"),
    ]


def test_descendants(taxonomy: Path) -> None:
    schema = from_shopify(taxonomy, ["Hats", "aa-2", "Hats"], descendants=True)
    assert categories(schema) == [
        Category("Hats", None, (BRIM, COLOR)),
        Category("Caps", None, (LINING,)),  # it has no colour: nothing is inherited
        Category("Apparel > Hats > Bonnets", "Hats", (LINING,)),
        Category("Apparel > Boxes > Bonnets", None, (COLOR,)),
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("Hatz", 'the taxonomy has no category "Hatz"; near to it are "Apparel > Hats"'),
        ("Zzz", 'the taxonomy has no category "Zzz"'),
        (
            "Bonnets",
            '2 categories are named "Bonnets"; give the full path: "Apparel > Hats > Bonnets"; '
            '"Apparel > Boxes > Bonnets"',
        ),
        ("Boxes", 'category "Apparel > Boxes" has no attributes in this taxonomy; choose another'),
    ],
)
def test_wrong_categories(taxonomy: Path, asked: str, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        from_shopify(taxonomy, [asked])
    assert str(caught.value) == message


def test_wrong_folders(taxonomy: Path, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="is not Shopify's taxonomy: it has no data/categories"):
        from_shopify(tmp_path / "none", ["Hats"])
    with pytest.raises(SchemaError, match=r"attributes.yml: broken: a category names this attribute, but"):
        from_shopify(taxonomy, ["Odd"])
    (taxonomy / "data" / "values.yml").unlink()
    with pytest.raises(SchemaError, match=r"values.yml: cannot be read \(No such file"):
        from_shopify(taxonomy, ["Hats"])
    (taxonomy / "data" / "values.yml").write_text("{a: [")
    with pytest.raises(SchemaError, match=r"values.yml: is not YAML"):
        from_shopify(taxonomy, ["Hats"])
    (taxonomy / "data" / "values.yml").write_text("- {id: 3}")
    with pytest.raises(SchemaError, match=r'values.yml: \[0\]: "friendly_id" is missing; is this Shopify'):
        from_shopify(taxonomy, ["Hats"])


def test_nothing_chosen(taxonomy: Path) -> None:
    with pytest.raises(SchemaError, match="no category with attributes was chosen"):
        from_shopify(taxonomy, [])


def test_the_real_taxonomy(data_dir: Path) -> None:
    started = time.perf_counter()
    schema = from_shopify(data_dir / "shopify_taxonomy", ["Shoes"], descendants=True)
    assert time.perf_counter() - started < 30  # 3 s where nothing else runs
    assert {"Shoes", "Sneakers", "Sandals"} <= set(schema.categories)
    colour = next(a for a in schema.of("Shoes") if a.name == "Color")
    assert "Navy" in colour.values
    assert "Other" not in colour.values
