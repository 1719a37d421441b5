"""More asks whose answer is none; filled cells alone would teach that there always is a value."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace

from attrex.core import Attribute, Product, Span
from attrex.errors import ConfigError
from attrex.supervision.cutting import cut, with_suffix
from attrex.supervision.pool import Label, Pool
from attrex.text.matching import locate

OTHER_CATEGORY_WEIGHT = 0.5
"""What a negative from another category's attributes counts: its text may state a value after all."""


def with_negatives(pool: Pool, *, other_categories: int, cut_out: float, seed: int) -> Pool:
    """The pool with negatives added behind its own labels.

    Each product is asked up to ``other_categories`` attributes that its category does not have. Of the
    positives a share ``cut_out`` comes again, as new products at the end, with the value taken out of the
    texts and nothing else labelled; a value still to be found after that is left alone.
    """
    if other_categories < 0:
        raise ConfigError(f"supervision.other_categories is {other_categories}; it must be at least 0")
    if not 0 <= cut_out <= 1:
        raise ConfigError(f"supervision.cut_out is {cut_out}; it must lie in [0, 1]")
    rng = random.Random(seed)  # noqa: S311 - a reproducible draw, no secret
    products, labels = list(pool.products), list(pool.labels)
    labels += _from_other_categories(pool, other_categories, rng)
    for label in pool.labels:
        if label.kind == "positive" and rng.random() < cut_out:
            without = _without_value(pool.products[label.product], label)
            if without is not None:
                labels.append(Label(len(products), label.attribute, "negative"))
                products.append(without)
    return Pool(products, labels, pool.schema)


def _from_other_categories(pool: Pool, number: int, rng: random.Random) -> list[Label]:
    known: defaultdict[int, set[str]] = defaultdict(set)
    for label in pool.labels:
        known[label.product].add(label.attribute.name)
    strangers: dict[str | None, list[Attribute]] = {}
    made: list[Label] = []
    for index, product in enumerate(pool.products):
        if product.category not in strangers:
            own = {a.name for a in pool.schema.of(product.category)}
            strangers[product.category] = [a for a in pool.schema.every if a.name not in own]
        taken = known[index] | set(product.stated)
        choice = [a for a in strangers[product.category] if a.name not in taken]
        for attribute in rng.sample(choice, min(number, len(choice))):
            made.append(Label(index, attribute, "negative", weight=OTHER_CATEGORY_WEIGHT))
    return made


def _without_value(product: Product, label: Label) -> Product | None:
    """The product with every occurrence of the label's values cut out, and without its pictures; None where
    that leaves no text or some of the values."""
    spans = set(label.spans)
    for source in product.sources:
        for value in label.values:
            spans |= {Span(source.name, o.start, o.end) for o in locate(value, source.text)}
    bare = cut(product, [with_suffix(span, product) for span in spans])
    if not bare.sources or any(locate(v, s.text) for v in label.values for s in bare.sources):
        return None
    stated = {**bare.stated, label.attribute.name: ()}
    # A picture would still show what the text has lost.
    return replace(bare, id=f"{product.id} without {label.attribute.name}", pictures=(), stated=stated)
