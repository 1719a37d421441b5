from __future__ import annotations

from dataclasses import replace

import numpy as np

from attrex.cache import attribute_key, product_key
from attrex.core import Attribute, Picture, Printed, Product, Source, Stated

LINE = Printed(0, 1, "a.jpg", ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)), 0.9)
ONE = Product("p", "Hats", (Source("title", "a"), Source("description", "b")))


def test_all_that_a_model_may_read_of_a_product_is_in_its_key() -> None:
    others = [
        replace(ONE, category="Lamps"),
        replace(ONE, category=None),
        replace(ONE, pictures=(Picture("a.jpg"),)),
        replace(ONE, sources=(Source("title", "a"), Source("bullets", "b"))),
        replace(ONE, sources=(Source("title", "ab"), Source("description", ""))),
        replace(ONE, sources=(Source("description", "b"), Source("title", "a"))),
        replace(ONE, sources=(Source("title", "a"), Source("description", "\ud83d"))),
        replace(ONE, sources=(Source("title", "a", (LINE,)), Source("description", "b"))),
        replace(
            ONE, sources=(Source("title", "a", (replace(LINE, location="b"),)), Source("description", "b"))
        ),
    ]
    keys = {product_key(each, "1") for each in (ONE, *others)} | {product_key(ONE, "2")}
    assert len(keys) == len(others) + 2


def test_a_picture_that_was_read_counts_by_what_it_shows() -> None:
    def key(location: str, light: int | None) -> str:
        pixels = None if light is None else np.full((4, 4, 3), light, np.uint8)
        return product_key(replace(ONE, pictures=(Picture(location, pixels),)), "1")

    assert key("a.jpg", 7) == key("b.jpg", 7)
    assert len({key("a.jpg", 7), key("a.jpg", 8), key("a.jpg", None), key("b.jpg", None)}) == 4


def test_neither_its_id_nor_its_values_are() -> None:
    same = replace(ONE, id="another", stated={"Colour": (Stated("red"),)})
    assert product_key(same, "1") == product_key(ONE, "1")


def test_all_of_an_attribute_is_in_its_key() -> None:
    one = Attribute("Colour")
    others = [
        Attribute("Color"),
        replace(one, description="Of the hat"),
        replace(one, values=("red",)),
        replace(one, examples=("red",)),
        replace(one, unit="cm"),
        replace(one, many=True),
        replace(one, delimiter="|"),
    ]
    keys = {attribute_key(each, "1") for each in (one, *others)} | {attribute_key(one, "2")}
    assert len(keys) == len(others) + 2
    assert attribute_key(Attribute("Colour"), "1") == attribute_key(one, "1")


def test_keys_are_long_enough_for_a_hundred_million() -> None:
    assert len(product_key(ONE, "1")) == 32
