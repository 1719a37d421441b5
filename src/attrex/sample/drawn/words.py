"""What can be drawn and said: categories, their attributes, the values, and the pairs held out."""

from __future__ import annotations

COLOURS = {
    "red": (205, 35, 45),
    "blue": (40, 85, 205),
    "green": (40, 150, 70),
    "yellow": (240, 205, 45),
    "purple": (125, 55, 165),
    "orange": (245, 130, 25),
    "pink": (245, 150, 190),
    "brown": (115, 70, 40),
}
PATTERNS = ("plain", "striped", "dotted", "checked")
SLEEVES = ("long sleeves", "short sleeves", "sleeveless")
SHAPES = ("round", "square", "triangular")
BRANDS = ("Arc", "Mox", "Lun", "Zip")

VALUES: dict[str, tuple[str, ...]] = {
    "Color": tuple(COLOURS),
    "Pattern": PATTERNS,
    "Sleeve Length": SLEEVES,
    "Shape": SHAPES,
    "Brand": BRANDS,
}
CATEGORIES: dict[str, tuple[str, ...]] = {
    "Shirts": ("Color", "Pattern", "Sleeve Length", "Brand"),
    "Bags": ("Color", "Pattern", "Shape", "Brand"),
    "Mugs": ("Color", "Pattern", "Brand"),
}
"""Category to the attributes that its products have; the others are not applicable."""

HELD_OUT = frozenset((colour, PATTERNS[at % len(PATTERNS)]) for at, colour in enumerate(COLOURS))
"""Pairs of colour and pattern that training never shows. Every colour is in one and every pattern in two, so
that what is left tells nothing: within training each value is as common as any other."""

PLAIN_WORDS = (
    "everyday",
    "classic",
    "modern",
    "simple",
    "new",
    "favourite",
    "sturdy",
    "light",
    "trusty",
    "fine",
)
NOUNS = {
    "Shirts": ("shirt", "tee", "top"),
    "Bags": ("bag", "tote", "carrier"),
    "Mugs": ("mug", "cup", "beaker"),
}
