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
    """``asks``: per schema the cells of all products; ``attributes``: which ones are asked at all.
    ``sample``: drawn at random and in random order, so
    that its beginning is a sample too."""

    products: int
    asks: tuple[int, ...]
    attributes: tuple[tuple[Attribute, ...], ...]
    sample: tuple[Product, ...]


def survey(products: Iterable[Product], asked: Sequence[Asked], *, seed: int, size: int = SAMPLE) -> Survey:
    """Reads everything once; memory holds the sample only. The same seed draws the same."""
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    kept: list[Product] = []
    counts = [0] * len(asked)
    met: list[dict[int, Attribute]] = [{} for _ in asked]  # by identity: a schema's objects stay
    number = 0
    for number, product in enumerate(products, start=1):
        for at, ask in enumerate(asked):
            own = ask(product)
            counts[at] += len(own)
            met[at].update((id(attribute), attribute) for attribute in own)
        if len(kept) < size:
            kept.append(product)
        elif (place := draw.randrange(number)) < size:
            kept[place] = product
    draw.shuffle(kept)
    attributes = tuple(tuple(dict.fromkeys(each.values())) for each in met)
    return Survey(number, tuple(counts), attributes, tuple(kept))
