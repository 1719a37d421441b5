"""Prepared records, kept so that the same product is not prepared twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from attrex.core import Product, content_hash

Prepared = Any
"""What a model made of a product; opaque."""


class Cache:
    """The ``limit`` latest records in memory.

    The key is the model's version and the product's content, its category included, so that a
    changed text or model never meets an old record.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self.limit = limit
        self.hits = self.misses = 0
        self._records: OrderedDict[str, Prepared] = OrderedDict()

    def prepared(
        self,
        prepare: Callable[[Sequence[Product]], list[Prepared]],
        products: Sequence[Product],
        *,
        version: str,
    ) -> list[Prepared]:
        """One record per product, in order; ``prepare`` is called once, for those not kept."""
        keys = [_key(product, version) for product in products]
        missing: dict[str, Product] = {}
        for key, product in zip(keys, products, strict=True):
            if key in self._records:
                self._records.move_to_end(key)
            else:
                missing[key] = product
        self.hits += len(products) - len(missing)
        self.misses += len(missing)
        fresh = dict(zip(missing, prepare(list(missing.values())), strict=True)) if missing else {}
        result = [fresh[key] if key in fresh else self._records[key] for key in keys]
        self._records.update(fresh)
        while len(self._records) > self.limit:
            self._records.popitem(last=False)
        return result


def _key(product: Product, version: str) -> str:
    return content_hash(
        [
            version,
            product.category,
            [[source.name, source.text] for source in product.sources],
            [picture.location for picture in product.pictures],
        ]
    )
