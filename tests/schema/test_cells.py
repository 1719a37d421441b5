"""One cell <-> its values."""

from __future__ import annotations

import pytest

from attrex.core import Attribute
from attrex.schema import join_cell, split_cell

MANY = Attribute("Colour", many=True, delimiter="; ")


@pytest.mark.parametrize(
    ("text", "attribute", "values"),
    [
        ("red; blue", MANY, ("red", "blue")),
        ("red;blue ;; red", MANY, ("red", "blue")),
        (" ; ", MANY, ()),
        ("red; blue", Attribute("Colour"), ("red; blue",)),
        ("red; blue", Attribute("Colour", many=True), ("red; blue",)),
        ("  red ", Attribute("Colour"), ("red",)),
        ("   ", Attribute("Colour"), ()),
        ("S M", Attribute("Size", many=True, delimiter=" "), ("S", "M")),
        ("S\nM", Attribute("Size", many=True, delimiter="\n"), ("S", "M")),
    ],
)
def test_splitting(text: str, attribute: Attribute, values: tuple[str, ...]) -> None:
    assert split_cell(text, attribute) == values


def test_joining() -> None:
    assert join_cell(["red", "blue"], MANY) == "red; blue"
    assert join_cell(["red", "blue"], Attribute("Colour", many=True, delimiter="|")) == "red|blue"
    assert join_cell(["red", "blue"], Attribute("Colour", many=True)) == "red; blue"
    assert split_cell(join_cell(["red", "blue"], MANY), MANY) == ("red", "blue")
