"""So many labels of each value: how a model does with 10, 50, 100 or all of them (EIVEN 4.2, Figure 4)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from attrex.core import Product, Stated
from attrex.errors import ConfigError
from attrex.supervision.splits import title_key
from attrex.text.folding import fold_text

NONE = ""
"""The key of "no value", which is a label like any other."""


def labels_per_value(products: Sequence[Product], number: int | None, *, seed: int = 0) -> list[Product]:
    """The products with at most ``number`` labels of each value of each attribute (None: all), in order.

    A cell that is not drawn becomes unknown, and a product without a cell is left out. Draws are nested: what
    is drawn of 10 labels a value is drawn of 50 too, whatever the order of the products. A cell of several
    values counts for each, and stays where one of them has room.

    Raises ``ConfigError`` for a number below 1.
    """
    if number is not None and number < 1:
        raise ConfigError(f"labels per value: {number} is below 1")
    cells = [(at, name) for at, product in enumerate(products) for name in product.stated]
    if number is not None:
        keys = [title_key(product) for product in products]
        cells.sort(key=lambda cell: (_draw(seed, keys[cell[0]], products[cell[0]].id, cell[1]), cell))
    taken: Counter[tuple[str, str]] = Counter()
    kept: dict[int, set[str]] = {}
    for at, name in cells:
        values = [(name, key) for key in value_keys(products[at].stated[name])]
        if number is None or any(taken[value] < number for value in values):
            taken.update(values)
            kept.setdefault(at, set()).add(name)
    return [
        replace(product, stated={n: v for n, v in product.stated.items() if n in kept[at]})
        for at, product in enumerate(products)
        if at in kept
    ]


def value_keys(values: Sequence[Stated]) -> list[str]:
    """What a cell's values are counted by."""
    return sorted({fold_text(value.text) for value in values}) or [NONE]


def _draw(seed: int, title: str, id: str, attribute: str) -> bytes:
    text = "\0".join((str(seed), title, id, attribute))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
