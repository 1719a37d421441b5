"""Canonical values, and which values contradict each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Attribute
from attrex.normalise import Normaliser, surfaces

ANY = Attribute("Any")
WIDTH = Attribute("Width", unit="mm")
COLOUR = Attribute("Colour", values=("Navy", "Blue", "Light Blue", "Café crème"))
SIZE = Attribute("Size", values=("Extra small (XS)", "Small (S)", "S", "8", "8.5", "40 mm"))
SEEN = Attribute("Seen", examples=("Navy Blue", "iPhone 12", "Rock & Roll", "40mm"))


@pytest.mark.parametrize(
    ("attribute", "text", "canonical"),
    [
        (ANY, "  stainless \n steel ; ", "stainless steel"),
        (ANY, '"hi"', "hi"),
        (ANY, "“hi”,", "hi"),
        (ANY, 'Pipe 12"', 'Pipe 12"'),
        (ANY, "cafe\u0301", "café"),
        (ANY, "40mm", "40 mm"),
        (ANY, "12 Pack", "12 pack"),
        (ANY, "10cm x 20cm", "10 x 20 cm"),
        (ANY, "12345678901", "12345678901"),
        (ANY, "0050", "0050"),
        (ANY, "3/4", "3/4"),
        (ANY, "4K", "4K"),
        (ANY, " ;", ""),
        (WIDTH, "40 mm", "40 mm"),
        (WIDTH, "40MM", "40 mm"),
        (WIDTH, "4cm", "40 mm"),
        (WIDTH, "40", "40 mm"),
        (WIDTH, '12"', "304.8 mm"),
        (WIDTH, "12”", "304.8 mm"),
        (WIDTH, "5 kg", "5 kg"),
        (WIDTH, "wide", "wide"),
        (Attribute("Width", unit="furlong"), "40mm", "40 mm"),
        (COLOUR, "navy", "Navy"),
        (COLOUR, "LIGHT-BLUE", "Light Blue"),
        (COLOUR, "cafe creme", "Café crème"),
        (COLOUR, "navy blue", "navy blue"),
        (SIZE, "xs", "Extra small (XS)"),
        (SIZE, "extra-small", "Extra small (XS)"),
        (SIZE, "s", "S"),
        (SIZE, "small", "Small (S)"),
        (SIZE, "8.0", "8"),
        (SIZE, "8,50", "8.5"),
        (SIZE, "40mm", "40 mm"),
        (SIZE, "9", "9"),
        (SIZE, "extrasmall", "Extra small (XS)"),
        (COLOUR, "lightblue", "Light Blue"),
        (Attribute("Type", values=("Tshirts", "1 5")), "T-shirt", "Tshirts"),
        (Attribute("Type", values=("Tshirts", "1 5")), "15", "15"),
        (SEEN, "NAVY BLUE", "Navy Blue"),
        (SEEN, "iphone-12", "iPhone 12"),
        (SEEN, "rock and roll", "Rock & Roll"),
        (SEEN, "40 MM", "40mm"),
        (SEEN, "ガラス", "ガラス"),
    ],
)
def test_canonical(attribute: Attribute, text: str, canonical: str) -> None:
    assert Normaliser().canonical(text, attribute) == canonical


@pytest.mark.parametrize(
    ("attribute", "a", "b", "compatible"),
    [
        (ANY, "navy", "Navy Blue", True),
        (ANY, "blue", "navy blue", True),
        (ANY, "red", "blue", False),
        (ANY, "red", "tired", False),
        (ANY, "T-Shirt", "tshirt", True),
        (ANY, "USB3", "USB 3", True),
        (ANY, "1 2", "12", False),
        (ANY, "Mens", "Men's", True),
        (ANY, "boot", "Boots", True),
        (ANY, "glass", "gla", False),
        (ANY, "ガラス", "カラス", False),
        (ANY, "L", "XL", False),
        (ANY, "40mm", "4 cm", True),
        (ANY, "40mm", "41mm", False),
        (ANY, "4 in", "10 cm", True),
        (ANY, "4 in", "11 cm", False),
        (ANY, "1,000", "1000.0", True),
        (ANY, "5", "5.5", False),
        (ANY, "500 g", "500 ml", False),
        (ANY, "10 x 20 cm", "100 x 200 mm", True),
        (ANY, "10-20 cm", "10 x 20 cm", False),
        (ANY, "12", "12 cm", True),
        (ANY, "!", "?", False),
        (WIDTH, "40", "4cm", True),
        (WIDTH, "40", "40 cm", False),
        (WIDTH, "4 in", "10 cm", True),
        (COLOUR, "blue", "LIGHT blue", False),
        (COLOUR, "navy", "navy blue", True),
        (SIZE, "XS", "extra small", True),
        (SIZE, "XS", "Small", False),
    ],
)
def test_compatible(attribute: Attribute, a: str, b: str, compatible: bool) -> None:
    normaliser = Normaliser()
    assert normaliser.compatible(a, b, attribute) is compatible
    assert normaliser.compatible(b, a, attribute) is compatible


@pytest.mark.parametrize(
    ("value", "ways"),
    [
        ("Extra small (XS)", ("Extra small (XS)", "Extra small", "XS")),
        ("Plain", ("Plain",)),
        ("(XS)", ("(XS)",)),
        ("a (b) c", ("a (b) c",)),
    ],
)
def test_surfaces(value: str, ways: tuple[str, ...]) -> None:
    assert surfaces(value) == ways


def test_the_version_depends_on_the_rules_alone() -> None:
    one, other = Normaliser(), Normaliser()
    one.canonical("x", COLOUR)
    assert one.version == other.version
    assert len(one.version) == 12


ATTRIBUTES = st.sampled_from([ANY, WIDTH, COLOUR, SIZE, SEEN])
VALUES = st.text(max_size=20) | st.text("0123456789 ./x-\"'cmin½SXNavy,;", max_size=14)


@given(VALUES, ATTRIBUTES)
def test_a_canonical_value_is_its_own(text: str, attribute: Attribute) -> None:
    normaliser = Normaliser()
    canonical = normaliser.canonical(text, attribute)
    assert normaliser.canonical(canonical, attribute) == canonical
    assert normaliser.compatible(text, canonical, attribute)


@given(VALUES, VALUES, ATTRIBUTES)
def test_compatibility_has_no_direction(a: str, b: str, attribute: Attribute) -> None:
    normaliser = Normaliser()
    assert normaliser.compatible(a, b, attribute) == normaliser.compatible(b, a, attribute)
