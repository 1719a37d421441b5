"""How often the training data states an attribute and each of its values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from attrex.core import Product
from attrex.evaluation.judged import Judged
from attrex.evaluation.outcome import Matching, value_set

HEAD_ATTRIBUTE = 100
"""An attribute with as many training rows is a head attribute ("high-resource")."""
HEAD_VALUE = 10
"""A value with as many training rows is a head value."""


@dataclass(frozen=True, slots=True)
class Support:
    """Training rows per attribute, and per attribute and value (in its comparable form)."""

    attributes: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    matching: Matching = "exact"

    @classmethod
    def of(cls, products: Iterable[Product], *, matching: Matching = "exact") -> Support:
        """Count the filled cells of the training products; one pass."""
        attributes: Counter[str] = Counter()
        values: dict[str, Counter[str]] = {}
        for product in products:
            for name, stated in product.stated.items():
                if stated:
                    attributes[name] += 1
                    values.setdefault(name, Counter()).update(value_set((s.text for s in stated), matching))
        return cls(attributes, values, matching)

    def rows(self, judged: Judged) -> int:
        """Training rows of the ask's commonest gold value."""
        known = self.values.get(judged.attribute, {})
        return max((known.get(v, 0) for v in value_set(judged.gold, self.matching)), default=0)

    def seen(self, judged: Judged) -> bool:
        """Whether a gold value of the ask stands in the training data."""
        return self.rows(judged) > 0
