"""Noise as real product pages have it: values of other products of the category (EAVE, A.7).

With a probability p up to five values are appended to the description; with the same probability, drawn
anew, a further paragraph of up to five is added. What is known of the product stays as it was: its
values are not among the noise, and the noise is nowhere labelled.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from attrex.core import Product, Source
from attrex.errors import ConfigError
from attrex.supervision.pool import Pool
from attrex.text.folding import fold_text

MOST = 5
"""Values appended, and values in a further paragraph, at most."""
DESCRIPTION, PARAGRAPH = "description", "further paragraph"

Values = Mapping[str | None, Sequence[str]]
"""The values of each category, each once."""


def values_by_category(products: Iterable[Product]) -> Values:
    """All values stated in the category, in order of first appearance."""
    found: defaultdict[str | None, dict[str, str]] = defaultdict(dict)
    for product in products:
        for stated in product.stated.values():
            for value in stated:
                if key := fold_text(value.text):
                    found[product.category].setdefault(key, value.text)
    return {category: list(values.values()) for category, values in found.items()}


def noisy(products: Sequence[Product], values: Values, *, probability: float, seed: int) -> list[Product]:
    """The products with noise, in order, their ids and cells untouched. The same seed gives the same noise.

    The values are appended to the source "description", or where there is none to the last one, so that all
    spans stay right. Raises ``ConfigError`` where the probability is none.
    """
    if not 0 <= probability <= 1:
        raise ConfigError(f"noise is {probability}; it must lie in [0, 1]")
    chance = random.Random(f"noise/{seed}")  # noqa: S311 - a reproducible draw, no secret
    return [_noisy(product, values.get(product.category, ()), probability, chance) for product in products]


def with_noise(pool: Pool, *, probability: float, seed: int) -> Pool:
    """The pool with noisy products; the labels are those of the clean ones."""
    if probability == 0:
        return pool
    values = values_by_category(pool.products)
    return replace(pool, products=noisy(pool.products, values, probability=probability, seed=seed))


def _noisy(product: Product, values: Sequence[str], probability: float, chance: random.Random) -> Product:
    appended, added = chance.random() < probability, chance.random() < probability
    own = {fold_text(value.text) for stated in product.stated.values() for value in stated}
    others = [value for value in values if fold_text(value) not in own] if appended or added else []
    if not others or not product.sources:
        return product
    sources = list(product.sources)
    if appended:
        names = [source.name for source in sources]
        at = names.index(DESCRIPTION) if DESCRIPTION in names else len(names) - 1
        sources[at] = replace(sources[at], text=f"{sources[at].text} {_draw(others, chance)}")
    if added:
        sources.append(Source(_free(PARAGRAPH, product), _draw(others, chance)))
    return replace(product, sources=tuple(sources))


def _draw(values: Sequence[str], chance: random.Random) -> str:
    return " ".join(chance.sample(values, min(chance.randint(1, MOST), len(values))))


def _free(name: str, product: Product) -> str:
    """A source's name that the product does not have yet."""
    taken = {source.name for source in product.sources}
    names = (name if number == 1 else f"{name} {number}" for number in range(1, len(taken) + 2))
    return next(each for each in names if each not in taken)
