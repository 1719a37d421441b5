"""A fit that knows so many labels of each value, and nothing else of the catalogue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from attrex.api import fit, load_recipe
from attrex.api.few_labels import few_labels
from attrex.api.preview import preview
from attrex.core import Product
from attrex.errors import ConfigError
from attrex.io.reader import open_reader
from tests.api.shop import BRANDS, COLOURS, SIZES, shop, write_csv

VALUES = len(BRANDS) + len(COLOURS) + len(SIZES)


def cells(products: list[Product]) -> int:
    return sum(len(product.stated) for product in products)


def test_the_fit_knows_so_many_labels_and_says_what_is_left() -> None:
    report = fit(shop(), recipe="lexicon", labels_per_value=3).report
    assert report is not None
    assert report.labels.total().filled == 3 * VALUES
    drawn = few_labels(shop(), 3, complete=False, seed=0)[0]
    assert report.products == sum(report.parts.values()) == len(drawn) < len(shop())
    assert report.notes[0] == (
        f"at most 3 labels of each value are known: {3 * VALUES} of {cells(shop())} cells, "
        f"in {len(drawn)} of 200 products"
    )


def test_calibration_and_the_lexicon_beside_know_no_more() -> None:
    few = few_labels(shop(), 3, complete=False, seed=0)[0]
    one, other = fit(shop(), recipe="lexicon", labels_per_value=3), fit(few, recipe="lexicon")
    assert (one.version, one.policy) == (other.version, other.policy)
    assert one.version != fit(shop(), recipe="lexicon").version


def test_seeds_draw_differently_and_one_seed_draws_the_same() -> None:
    def drawn(seed: int) -> list[Product]:
        return few_labels(shop(), 3, complete=False, seed=seed)[0]

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_recipe_says_it_too_and_an_argument_goes_before_it() -> None:
    recipe = replace(load_recipe("lexicon"), labels_per_value=3)
    for given, number in ((None, 3), (5, 5)):
        report = fit(shop(), recipe=recipe, labels_per_value=given).report
        assert report is not None
        assert report.labels.total().filled == number * VALUES


def test_a_look_before_the_leap_tells_it(tmp_path: Path) -> None:
    reader = open_reader(write_csv(tmp_path / "shop.csv", shop()))
    seen = preview(reader, recipe=replace(load_recipe("lexicon"), labels_per_value=3))
    assert seen.notes[0].startswith(f"at most 3 labels of each value are known: {3 * VALUES} of ")
    assert sum(filled for _, filled, _, _ in seen.attributes) == 3 * VALUES


def test_a_complete_table_and_fewer_labels_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="labels_per_value is 3 and the table is said to be complete"):
        fit(shop(), recipe="lexicon", labels_per_value=3, complete=True)


def test_less_than_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="labels per value: 0 is below 1"):
        fit(shop(), recipe="lexicon", labels_per_value=0)
