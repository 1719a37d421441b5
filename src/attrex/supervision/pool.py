"""What a learner learns from: products, and what is known of their asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from attrex.core import Attribute, Product, Span
from attrex.schema.schema import Schema

LabelKind = Literal["positive", "negative", "unlocated"]


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of one ask: product (index into the pool), attribute, gold values, their spans.

    ``positive``: values with at least one span. ``negative``: no value is stated (explicit, from
    another category's attributes, or made by cutting the value out). ``unlocated``: a value is known
    but stands nowhere in the text: a weak negative for taggers, a positive for generators.
    ``weight`` scales the loss. ``complete`` is False where further occurrences may be untagged.
    """

    product: int
    attribute: Attribute
    kind: LabelKind
    values: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    weight: float = 1.0
    complete: bool = True


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Pool:
    """Products, their labels and the schema."""

    products: Sequence[Product]
    labels: Sequence[Label]
    schema: Schema

    def attributes(self) -> list[Attribute]:
        """The attributes that have a label, in order of first appearance."""
        return list(dict.fromkeys(label.attribute for label in self.labels))
