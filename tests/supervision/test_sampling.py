"""So many labels a value, the fewer among the more."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from attrex.core import Product, Source, Stated
from attrex.errors import ConfigError
from attrex.supervision.sampling import labels_per_value


def product(number: int, **stated: str | tuple[str, ...]) -> Product:
    cells = {n: tuple(map(Stated, (v,) if isinstance(v, str) else v)) for n, v in stated.items()}
    return Product(str(number), None, (Source("title", f"thing {number}"),), stated=cells)


MANY = [product(i, Colour=("Red", "red", "blue")[i % 3], Size="S" if i % 2 else ()) for i in range(60)]


def counts(products: list[Product]) -> Counter[tuple[str, str]]:
    return Counter(
        (name, value.text.lower()) for p in products for name, values in p.stated.items() for value in values
    )


def test_each_value_has_so_many_labels_letter_case_aside() -> None:
    drawn = labels_per_value(MANY, 5)
    assert counts(drawn) == {("Colour", "red"): 5, ("Colour", "blue"): 5, ("Size", "s"): 5}
    assert sum(p.stated.get("Size") == () for p in drawn) == 5
    assert all(p.stated for p in drawn)


def test_of_rare_values_all_are_kept() -> None:
    assert counts(labels_per_value(MANY, 50)) == counts(MANY)
    assert labels_per_value(MANY, None) == MANY


def test_what_is_drawn_of_few_is_drawn_of_more_in_any_order() -> None:
    def cells(products: list[Product]) -> set[tuple[str, str]]:
        return {(p.id, name) for p in products for name in p.stated}

    few, more = cells(labels_per_value(MANY, 3)), cells(labels_per_value(MANY, 10))
    assert few < more
    shuffled = list(MANY)
    random.Random(0).shuffle(shuffled)
    assert cells(labels_per_value(shuffled, 3)) == few
    assert cells(labels_per_value(MANY, 3, seed=1)) != few


def test_a_cell_of_several_values_counts_for_each() -> None:
    both = [product(i, Colour=("red", "blue")) for i in range(9)]
    assert len(labels_per_value(both, 4)) == 4


def test_less_than_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="labels per value: 0 is below 1"):
        labels_per_value(MANY, 0)
