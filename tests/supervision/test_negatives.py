"""Negatives from other categories and from texts with the value cut out."""

from dataclasses import replace

import pytest

from attrex.core import Attribute, Picture, Product, Source, Stated
from attrex.errors import ConfigError
from attrex.schema.schema import Category, Schema
from attrex.supervision.distant import label
from attrex.supervision.negatives import OTHER_CATEGORY_WEIGHT, with_negatives
from attrex.supervision.pool import Label, Pool

COLOUR, FLAVOUR, ROAST = Attribute("Colour"), Attribute("Flavour"), Attribute("Roast")
SCHEMA = Schema((), [Category("Hat", None, (COLOUR,)), Category("Coffee", None, (FLAVOUR, ROAST))])


def pool(*titles: str, value: str = "red", category: str = "Hat") -> Pool:
    stated = {SCHEMA.of(category)[0].name: (Stated(value),)}
    products = [
        Product(str(n), category, (Source("title", title),), (), stated) for n, title in enumerate(titles)
    ]
    return label(products, SCHEMA)[0]


def test_nothing_asked_nothing_added() -> None:
    given = pool("red hat", "a red cap")
    assert with_negatives(given, other_categories=0, cut_out=0, seed=0) == given


def test_attributes_of_other_categories() -> None:
    made = with_negatives(pool("red hat"), other_categories=5, cut_out=0, seed=0)
    assert {(n.attribute.name, n.kind, n.weight) for n in made.labels[1:]} == {
        ("Flavour", "negative", OTHER_CATEGORY_WEIGHT),
        ("Roast", "negative", OTHER_CATEGORY_WEIGHT),
    }
    assert len(with_negatives(pool("red hat"), other_categories=1, cut_out=0, seed=0).labels) == 2


def test_an_attribute_that_is_stated_all_the_same_is_no_negative() -> None:
    hat = Product("h", "Hat", (Source("title", "red hat"),), (), {"Flavour": (Stated("mint"),)})
    made = with_negatives(label([hat], SCHEMA)[0], other_categories=5, cut_out=0, seed=0)
    assert [n.attribute for n in made.labels] == [ROAST]


@pytest.mark.parametrize(
    ("title", "left"),
    [("Red hat, red's band", "hat, band"), ("Hat in red", "Hat in "), ("A red hat", "A hat")],
)
def test_a_value_cut_out_leaves_a_negative(title: str, left: str) -> None:
    made = with_negatives(pool(title), other_categories=0, cut_out=1, seed=0)
    assert made.labels[1:] == [Label(1, COLOUR, "negative")]
    assert made.products[1] == Product(
        "0 without Colour", "Hat", (Source("title", left),), (), {"Colour": ()}
    )
    assert made.products[0].sources[0].text == title


def test_what_lost_its_value_shows_no_picture_of_it() -> None:
    seen = pool("red hat")
    seen = replace(seen, products=[replace(seen.products[0], pictures=(Picture("red.jpg"),))])
    made = with_negatives(seen, other_categories=0, cut_out=1, seed=0)
    assert [len(product.pictures) for product in made.products] == [1, 0]


def test_nothing_is_left_of_a_text_that_is_the_value() -> None:
    assert len(with_negatives(pool("red"), other_categories=0, cut_out=1, seed=0).labels) == 1


def test_a_value_that_comes_together_at_the_cut_is_left_alone() -> None:
    made = with_negatives(pool("a a b b hat", value="a b"), other_categories=0, cut_out=1, seed=0)
    assert len(made.labels) == 1


def test_a_share_is_cut_and_the_seed_decides_which() -> None:
    given = pool(*(f"red hat {n}" for n in range(200)))
    made = with_negatives(given, other_categories=1, cut_out=0.3, seed=1)
    assert 40 <= len(made.products) - 200 <= 80
    assert with_negatives(given, other_categories=1, cut_out=0.3, seed=1) == made
    assert with_negatives(given, other_categories=1, cut_out=0.3, seed=2) != made


def test_settings_out_of_range() -> None:
    with pytest.raises(ConfigError, match=r"supervision.cut_out is 1.5; it must lie in \[0, 1\]"):
        with_negatives(pool("red"), other_categories=0, cut_out=1.5, seed=0)
    with pytest.raises(ConfigError, match=r"supervision.other_categories is -1; it must be at least 0"):
        with_negatives(pool("red"), other_categories=-1, cut_out=0, seed=0)
