"""How often the training data states an attribute and each of its values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from attrex.core import Product
from attrex.errors import ModelError
from attrex.evaluation.judged import Judged
from attrex.evaluation.outcome import Matching, comparable, value_set

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

    def matched(self, matching: Matching) -> Support:
        """The same counts with values compared so. A row that writes one value in two ways counts twice."""
        if matching == self.matching:
            return self
        values: dict[str, Counter[str]] = {}
        for name, known in self.values.items():
            own = values[name] = Counter()
            for value, rows in known.items():
                own[comparable(value, matching)] += rows
        return Support(self.attributes, values, matching)

    def to_json(self) -> dict[str, Any]:
        """By attribute its rows and the rows of each value, the commonest first."""
        return {
            name: {"rows": rows, "values": dict(_falling(self.values.get(name, {})))}
            for name, rows in _falling(self.attributes)
        }

    @staticmethod
    def from_json(content: Any) -> Support:
        """``to_json`` read back. Raises ``ModelError`` where it is damaged."""
        try:
            return Support(
                {str(name): int(one["rows"]) for name, one in content.items()},
                {
                    str(name): {str(v): int(rows) for v, rows in one["values"].items()}
                    for name, one in content.items()
                },
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"support.json is damaged ({error!r}). Fix: fit the model again") from error


def _falling(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
