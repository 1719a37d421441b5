"""A catalogue counted once from end to end, and a part of it drawn at random."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from attrex.core import Attribute, Product

SAMPLE = 512
"""Products drawn: enough for the mean length to be within a few per cent."""

Asked = Callable[[Product], Sequence[Attribute]]
"""Which attributes a product would be asked."""


@dataclass(frozen=True, slots=True)
class Survey:
    """``asks``: per schema the cells of all products. ``sample``: drawn at random and in random order, so
    that its beginning is a sample too."""

    products: int
    asks: tuple[int, ...]
    sample: tuple[Product, ...]


def survey(products: Iterable[Product], asked: Sequence[Asked], *, seed: int, size: int = SAMPLE) -> Survey:
    """Reads everything once; memory holds the sample only. The same seed draws the same."""
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    kept: list[Product] = []
    counts = [0] * len(asked)
    number = 0
    for number, product in enumerate(products, start=1):
        for at, ask in enumerate(asked):
            counts[at] += len(ask(product))
        if len(kept) < size:
            kept.append(product)
        elif (place := draw.randrange(number)) < size:
            kept[place] = product
    draw.shuffle(kept)
    return Survey(number, tuple(counts), tuple(kept))
