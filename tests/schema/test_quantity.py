"""Numbers with units."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.schema.quantity import Quantity, parse_quantity
from attrex.schema.units import WAYS, convert, find_unit


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("40mm", "40 mm"),
        ("4 CM", "4 cm"),
        ('12"', "12 in"),
        ("12 ”", "12 in"),
        ("5'10\"", "70 in"),
        ("6 ft 2 in", "74 in"),
        ("1 1/2 in", "1.5 in"),
        ("1-1/2 inch", "1.5 in"),
        ("1½ in.", "1.5 in"),
        ("10 x 20 × 30 cm", "10 x 20 x 30 cm"),
        ("10cm by 20cm", "10 x 20 cm"),
        ("1 m x 50 cm", "100 x 50 cm"),
        ("2–3 kg", "2-3 kg"),
        ("1,500 W", "1500 W"),
        ("1,5 l", "1.5 l"),
        ("0,500 kg", "0.5 kg"),
        ("-18 °C", "-18 °C"),
        ("14-inch", "14 in"),
        ("8 fl. oz", "8 fl oz"),
        ("2.5 sq ft", "2.5 ft²"),
        ("100 percent", "100%"),
        ("1/3 cup", None),
        ("1/3 in", "0.333333 in"),
        ("12345678901234", "12345678901234"),
        ("٤٠ mm", "40 mm"),
        ("1/0 in", None),
        ("5 M", None),
        ("4K", None),
        ("5G", None),
        ("3D", None),
        ("2B", None),
        ("2 x 500 ml", None),
        ("5 kg x 3 cm", None),
        ("40 mm steel", None),
        ("mm", None),
        ("", None),
        ("³", None),
        ("1" * 81, None),
    ],
)
def test_parsing(text: str, shown: str | None) -> None:
    found = parse_quantity(text)
    assert (None if found is None else str(found)) == shown


@pytest.mark.parametrize(
    ("text", "unit", "shown"),
    [
        ("4 cm", "mm", "40 mm"),
        ("12 in", "cm", "30.48 cm"),
        ("212 °F", "°C", "100 °C"),
        ("0 °C", "kelvin", "273.15 kelvin"),
        ("1 TB", "GB", "1000 GB"),
        ("16 oz", "lb", "1 lb"),
        ("40", "mm", "40 mm"),
        ("5 kg", "mm", None),
    ],
)
def test_conversion(text: str, unit: str, shown: str | None) -> None:
    quantity, target = parse_quantity(text), find_unit(unit)
    assert quantity is not None
    assert target is not None
    found = quantity.to(target)
    assert (None if found is None else str(found)) == shown


def test_across_dimensions() -> None:
    kilo, metre = find_unit("kg"), find_unit("m")
    assert kilo is not None
    assert metre is not None
    with pytest.raises(ValueError, match="kg is a mass, m a length"):
        convert(Decimal(1), kilo, metre)


def test_letters_that_mean_something_else_are_no_units() -> None:
    assert [way for way in ("M", "G", "K", "D", "B", "XL", "") if find_unit(way)] == []


@given(st.decimals(-10_000, 10_000, places=3), st.sampled_from(WAYS))
def test_what_is_shown_is_read_back(number: Decimal, way: str) -> None:
    unit = find_unit(way)
    assert unit is not None
    quantity = Quantity((number,), unit)
    again = parse_quantity(str(quantity))
    assert again is not None
    assert (again.numbers, again.unit) == ((number,), unit)


@given(st.text(max_size=90))
def test_any_text_is_survived(text: str) -> None:
    parse_quantity(text)


@given(st.text("0123456789 ./,-x\"'½cmin", max_size=40))
def test_any_number_like_text_is_read_back_the_same(text: str) -> None:
    found = parse_quantity(text)
    if found is not None and len(str(found)) <= 80:
        again = parse_quantity(str(found))
        assert again is not None
        assert str(again) == str(found)
