"""How far a value can be believed because of what it is: of the texts learnt from in which it stands, and
whose product states the attribute, in how many it was the value stated."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attrex.core import Product
from attrex.normalise.folding import tokens
from attrex.text.folding import fold_text

BOUNDS = (0.5, 2.0)
"""Log odds of being the value stated, from which on a value is of the next level."""
LEVELS = len(BOUNDS) + 2
"""Level 0 was never stated in a text."""
LONGEST = 12
"""Words of a value; a longer one counts as never stated."""

Phrase = tuple[str, ...]
Counts = Mapping[str, Mapping[Phrase, tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Familiarity:
    """``counts``: by attribute and value (its words), in how many texts it was the value stated, and in how
    many it stands."""

    counts: Counts = field(default_factory=dict)

    @classmethod
    def learn(cls, products: Iterable[Product]) -> Familiarity:
        """Counts the products with a filled cell, attribute by attribute. Values that are the same but for
        their writing count together."""
        products = list(products)
        stated: dict[Phrase, set[str]] = defaultdict(set)
        for product in products:
            for name, values in product.stated.items():
                for value in values:
                    phrase = _phrase(value.text)
                    if len(phrase) <= LONGEST:
                        stated[phrase].add(name)
        beginnings = {phrase[:n] for phrase in stated for n in range(1, len(phrase) + 1)}
        counts: dict[str, dict[Phrase, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        for product in products:
            met = {
                phrase
                for source in product.sources
                for phrase in _among(tokens.__wrapped__(source.text), beginnings)
                if phrase in stated
            }
            for name, values in product.stated.items():
                told = {_phrase(value.text) for value in values}
                for phrase in met if told else ():
                    if name in stated[phrase]:
                        count = counts[name][phrase]
                        count[0] += phrase in told
                        count[1] += 1
        return cls({name: {p: (told, met) for p, (told, met) in own.items()} for name, own in counts.items()})

    def level(self, attribute: str, value: str) -> int | None:
        """From 0 (never stated in a text) to ``LEVELS - 1``; None where nothing is known of the attribute."""
        known = self.counts.get(attribute)
        if not known:
            return None
        told, met = known.get(_phrase(value), (0, 0))
        if not told:
            return 0
        odds = math.log((told + 0.5) / (met - told + 0.5))
        return 1 + sum(odds >= bound for bound in BOUNDS)

    def to_json(self) -> dict[str, Any]:
        """JSON-able; ``from_json`` reads it back without loss."""
        return {
            name: {" ".join(phrase): list(count) for phrase, count in sorted(own.items())}
            for name, own in sorted(self.counts.items())
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Familiarity:
        """Raises ``KeyError``, ``TypeError``, ``ValueError`` or ``AttributeError`` where it is damaged."""
        return Familiarity(
            {
                name: {tuple(words.split(" ")): (int(told), int(met)) for words, (told, met) in own.items()}
                for name, own in content.items()
            }
        )


def _phrase(value: str) -> Phrase:
    return tokens(value) or tuple(fold_text(value).split()) or ("",)


def _among(words: Sequence[str], beginnings: set[Phrase]) -> Iterable[Phrase]:
    """The runs of words that some phrase begins with."""
    for start in range(len(words)):
        for end in range(start + 1, min(start + LONGEST, len(words)) + 1):
            run = tuple(words[start:end])
            if run not in beginnings:
                break
            yield run
