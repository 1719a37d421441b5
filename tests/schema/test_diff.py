"""What changed, and whether it breaks anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attrex.core import Attribute
from attrex.schema import Category, Schema, diff

SIZE = Attribute("Size", "How large", values=("S", "M"))


def test_no_differences() -> None:
    found = diff(Schema([SIZE, Attribute("A")]), Schema([Attribute("A"), SIZE]))
    assert not found
    assert not found.breaking
    assert str(found) == "no differences"


@pytest.mark.parametrize(
    ("new", "text", "breaking"),
    [
        (replace(SIZE, description=""), '~ attributes.Size.description: "How large" -> nothing', False),
        (replace(SIZE, unit="cm"), '~ attributes.Size.unit: nothing -> "cm"', True),
        (replace(SIZE, many=True), "~ attributes.Size.many: false -> true", False),
        (replace(SIZE, delimiter=";"), '~ attributes.Size.delimiter: nothing -> ";"', False),
        (replace(SIZE, values=("S", "M", "L")), '~ attributes.Size.values: +"L"', False),
        (replace(SIZE, values=("S", "L")), '~ attributes.Size.values: +"L", -"M"', True),
        (replace(SIZE, values=()), '~ attributes.Size.values: -"S", -"M"', False),
        (replace(SIZE, values=("M", "S")), "no differences", False),
        (replace(SIZE, examples=("S",)), '~ attributes.Size.examples: +"S"', False),
    ],
)
def test_one_attribute(new: Attribute, text: str, breaking: bool) -> None:
    found = diff(Schema([SIZE]), Schema([new]))
    assert (str(found), found.breaking) == (text, breaking)


def test_narrowing_is_breaking_in_one_direction_only() -> None:
    open_, many = replace(SIZE, values=()), replace(SIZE, many=True)
    assert diff(Schema([open_]), Schema([SIZE])).breaking
    assert diff(Schema([many]), Schema([SIZE])).breaking


def test_attributes_and_categories_come_and_go() -> None:
    old = Schema([SIZE], [Category("Shoes"), Category("Hats", None, (Attribute("Brim"),))])
    new = Schema([Attribute("Brand")], [Category("Boots", None, (SIZE,)), Category("Shoes", "Boots")])
    found = diff(old, new)
    assert str(found).splitlines() == [
        "+ attributes.Brand",
        "- attributes.Size",
        "+ categories.Boots",
        "+ categories.Boots.attributes.Size",
        '~ categories.Shoes.parent: nothing -> "Boots"',
        "- categories.Hats",
    ]
    assert [change.breaking for change in found.changes] == [False, True, False, False, True, True]
