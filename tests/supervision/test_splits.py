"""No title on two sides, in one file or across several."""

import pytest

from attrex.core import Product, Source
from attrex.errors import ConfigError
from attrex.supervision.splits import folds, split, title_key

FOUR = {"train": 0.6, "tune": 0.15, "calibrate": 0.1, "report": 0.15}


def titled(title: str, number: int = 0) -> Product:
    return Product(str(number), None, (Source("title", title),))


PRODUCTS = [titled(f"Product number {n % 700}", n) for n in range(1000)]


@pytest.mark.parametrize("title", ["Tom &amp; Co  Café", "tom & co cafe", "TOM &amp;amp; CO CAFE\u0301 "])
def test_keys_are_decoded_and_folded(title: str) -> None:
    assert title_key(titled(title)) == "tom & co cafe"


def test_without_a_title_the_first_text_counts_and_without_texts_the_id() -> None:
    sources = (Source("bullets", "b"), Source("description", "d"))
    assert title_key(Product("7", None, sources)) == "b"
    assert title_key(Product("7", None, (*sources, Source("Title", "t")))) == "t"
    assert title_key(Product("7", None, (Source("title", " "), *sources))) == "b"
    assert title_key(Product("7")) == "id:7"


def test_every_product_is_in_one_part_and_no_title_in_two() -> None:
    parts = split(PRODUCTS, FOUR, 3)
    assert sorted(i for part in parts.values() for i in part) == list(range(1000))
    titles = [{title_key(PRODUCTS[i]) for i in part} for part in parts.values()]
    assert sum(map(len, titles)) == 700
    for name, part in parts.items():
        assert abs(len(part) / 1000 - FOUR[name]) < 0.05


def test_another_file_is_divided_alike() -> None:
    parts = split(PRODUCTS, FOUR, 3)
    other = [*reversed(PRODUCTS[::3]), titled("PRODUCT &#110;umber 5")]
    for name, part in split(other, FOUR, 3).items():
        known = {title_key(PRODUCTS[i]) for i in parts[name]}
        assert {title_key(other[i]) for i in part} <= known


def test_the_seed_decides() -> None:
    assert split(PRODUCTS, FOUR, 3) == split(PRODUCTS, FOUR, 3)
    assert split(PRODUCTS, FOUR, 3) != split(PRODUCTS, FOUR, 4)
    assert folds(PRODUCTS, 5, 3) != folds(PRODUCTS, 5, 4)


def test_folds_are_a_partition_by_title() -> None:
    groups = folds(PRODUCTS, 5, 0)
    assert sorted(i for group in groups for i in group) == list(range(1000))
    assert sum(len({title_key(PRODUCTS[i]) for i in group}) for group in groups) == 700
    assert all(150 < len(group) < 250 for group in groups)


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ({"a": 0.5, "b": 0.4}, "split: the fractions add up to 0.9; they must add up to 1"),
        ({"a": 1.5, "b": -0.5}, r"split.a: the fraction is 1.5; it must lie in \(0, 1\]"),
        ({}, "split: the fractions add up to 0; they must add up to 1"),
    ],
)
def test_fractions_that_make_no_whole(fractions: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split(PRODUCTS, fractions, 0)


def test_one_fold_is_none() -> None:
    with pytest.raises(ConfigError, match="folds: k is 1; it must be at least 2"):
        folds(PRODUCTS, 1, 0)
