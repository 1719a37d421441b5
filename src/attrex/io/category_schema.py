"""The schema that labelled products imply: per category, the attributes that are ever listed."""

from __future__ import annotations

from collections.abc import Iterable

from attrex.core import Attribute, Product
from attrex.schema.schema import Category, Schema

MANY = 0.1
"""An attribute is multi-valued where more than this share of its filled cells have several values."""


def implied_schema(products: Iterable[Product]) -> Schema:
    """One pass; keeps two counts for each category's attribute. Products without a category give the
    attributes common to all."""
    counts: dict[str | None, dict[str, list[int]]] = {}
    for product in products:
        found = counts.setdefault(product.category, {})
        for name, values in product.stated.items():
            filled = found.setdefault(name, [0, 0])
            filled[0] += len(values) > 0
            filled[1] += len(values) > 1
    made = {
        category: tuple(
            Attribute(name, many=several > 1 and several > MANY * filled)
            for name, (filled, several) in found.items()
        )
        for category, found in counts.items()
    }
    common = made.pop(None, ())
    return Schema(common, (Category(str(name), attributes=those) for name, those in made.items()))
