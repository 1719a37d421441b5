"""How the training data spell values, for models that write them in pieces of their own."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from attrex.core import Attribute
from attrex.models.attribute_parts import LIST, AttributeTable
from attrex.models.comparison import gold_values
from attrex.models.tagging import TaggedWindow
from attrex.text.folding import fold_text

SPELLED = "spelled.json"
MOST = 20_000
"""Values that are remembered at most, the commonest."""


class SpelledTable(AttributeTable):
    """The attributes of the training data, and their values' commonest spellings."""

    def __init__(self, names: Sequence[str], values: Sequence[str]) -> None:
        super().__init__(names)
        self.values = tuple(values)
        self._spelled = {fold_text(value): value for value in reversed(self.values)}

    def files(self) -> dict[str, str]:
        return {**super().files(), SPELLED: json.dumps(self.values, ensure_ascii=False)}

    def spelled(self, written: str) -> str:
        """As the training data spell what was written; itself where they do not know it."""
        return self._spelled.get(fold_text(written), written)


class SpelledAttributes:
    """An attribute is its words; any can be asked."""

    answers: Literal["open", "closed"] = "open"

    def begin(self, attributes: Sequence[Attribute], windows: Sequence[TaggedWindow]) -> SpelledTable:
        counts: Counter[str] = Counter()
        spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for window in windows:
            for value in (v for ask in window.asks for v in gold_values(window, ask)):
                counts[fold_text(value)] += 1
                spellings[fold_text(value)][value] += 1
        values = [spellings[key].most_common(1)[0][0] for key, _ in counts.most_common(MOST)]
        return SpelledTable([a.name for a in attributes], values)

    def remake(self, files: Mapping[str, str]) -> SpelledTable:
        return SpelledTable(json.loads(files[LIST]), json.loads(files[SPELLED]))
