"""Which values of an attribute are taken for which others (EIVEN, Figure 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attrex.evaluation.judged import Judged
from attrex.evaluation.outcome import Matching, comparable, value_set

OTHER, NONE = "other values", "no value"
"""What is not shown one by one, and what was not stated or not given."""
SHOWN = 24
"""Values that are shown one by one, the commonest."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """``counts[i][j]``: asks where ``values[i]`` is stated and ``values[j]`` was given; ``right[i]`` of row i
    are right, which is the diagonal save for ``OTHER``, where another value may be a wrong one."""

    attribute: str
    matching: Matching
    values: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    right: tuple[int, ...]

    @property
    def asks(self) -> int:
        """All of them."""
        return sum(map(sum, self.counts))

    def mistakes(self) -> list[tuple[str, str, int]]:
        """What is stated, what was given instead, and how often; the commonest first."""
        found = [
            (gold, given, count)
            for i, gold in enumerate(self.values)
            for j, given in enumerate(self.values)
            if (count := self.counts[i][j] - (self.right[i] if i == j else 0))
        ]
        return sorted(found, key=lambda item: -item[2])

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "attribute": self.attribute,
            "matching": self.matching,
            "values": list(self.values),
            "counts": [list(row) for row in self.counts],
            "right": list(self.right),
        }


def confusion(
    judged: Sequence[Judged], attribute: str, *, matching: Matching = "exact", most: int = SHOWN
) -> Confusion:
    """Of all asks of the attribute. Of several predicted values the first one counts; it stands in the row of
    the gold value that it is, else in that of the first. Values are written as they are stated most often.

    Without an ask of the attribute the matrix is empty.
    """
    asks = [j for j in judged if j.attribute == attribute]
    spellings: dict[str, Counter[str]] = {}
    pairs: Counter[tuple[str, str]] = Counter()
    for j in asks:
        for text in (*j.gold, *j.predicted):
            spellings.setdefault(comparable(text, matching), Counter())[text] += 1 + (text in j.gold)
        pairs[_pair(j, matching)] += 1
    often = Counter({gold: 0 for gold, _ in pairs})
    for (gold, given), count in pairs.items():
        often[gold] += count
        often[given] += 0
    often.pop("", None)
    shown = [value for value, _ in sorted(often.items(), key=lambda item: (-item[1], item[0]))][:most]
    labels = [*shown, *([OTHER] if len(often) > len(shown) else []), *([NONE] if _any_none(pairs) else [])]
    place = {value: at for at, value in enumerate(shown)}

    def at(value: str) -> int:
        return len(labels) - 1 if not value else place.get(value, len(shown))

    counts = [[0] * len(labels) for _ in labels]
    right = [0] * len(labels)
    for (gold, given), count in pairs.items():
        counts[at(gold)][at(given)] += count
        right[at(gold)] += count * (gold == given)
    written = [spellings[v].most_common(1)[0][0] for v in shown] + labels[len(shown) :]
    return Confusion(attribute, matching, tuple(written), tuple(map(tuple, counts)), tuple(right))


def _pair(judged: Judged, matching: Matching) -> tuple[str, str]:
    """What is stated and what was given, comparable; "" for none."""
    gold = value_set(judged.gold, matching)
    given = next(filter(None, (comparable(v, matching) for v in judged.predicted)), "")
    if given in gold:
        return given, given
    return next(filter(None, (comparable(v, matching) for v in judged.gold)), ""), given


def _any_none(pairs: Counter[tuple[str, str]]) -> bool:
    return any("" in pair for pair in pairs)
