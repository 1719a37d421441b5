"""What the pipeline is asked to do, and what it hands back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from attrex.core import Attribute, Extraction, Product
from attrex.schema import Schema


@dataclass(frozen=True, slots=True)
class Request:
    """A product, the attributes asked of it, and those asked that its category does not have
    (they are answered "not applicable" without a model). ``certain`` names those that a gate must not deny,
    for a cell states them. ``partly``: a picture of the product could not be read. ``tag`` is whatever the
    caller wants to have beside the result, such as the product's row."""

    product: Product
    attributes: tuple[Attribute, ...]
    inapplicable: tuple[str, ...] = ()
    tag: Any = None
    certain: frozenset[str] = frozenset()
    partly: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """One extraction per attribute asked, in the request's order, those not applicable behind."""

    request: Request
    extractions: tuple[Extraction, ...]


def blanks(product: Product, schema: Schema) -> Request:
    """Asks what the product's category has and no cell states."""
    stated = product.stated
    return Request(product, tuple([a for a in schema.of(product.category) if a.name not in stated]))


def everything(product: Product, schema: Schema) -> Request:
    """Asks all the product's category has, filled or not."""
    return Request(product, schema.of(product.category), certain=_stated(product))


def named(product: Product, attributes: Iterable[Attribute], schema: Schema) -> Request:
    """Asks the given attributes. One that the schema has, but not for this product's category, is not
    applicable; one that the schema does not know is asked all the same."""
    own = {a.name: a for a in schema.of(product.category)}
    elsewhere: Collection[str] = ()
    if product.category in schema.categories:
        elsewhere = {a.name for a in schema.every} - own.keys()
    asked, inapplicable = [], []
    for attribute in attributes:
        if attribute.name in elsewhere:
            inapplicable.append(attribute.name)
        else:
            asked.append(own.get(attribute.name, attribute))
    return Request(product, tuple(asked), tuple(inapplicable), certain=_stated(product))


def _stated(product: Product) -> frozenset[str]:
    return frozenset([name for name, values in product.stated.items() if values])
