"""What the cells learnt from tell about a value: how far it can be believed, and how it is written there.

It is believed by how often it was meant: of the texts in which it stands, and whose product states the
attribute, in how many it was the value stated. It is written as the catalogue writes it: where the cells say
"Tshirts", a text's "T-shirt" is "Tshirts" too.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from attrex.core import Product
from attrex.normalise.folding import joined, tokens
from attrex.schema.quantity import parse_quantity
from attrex.text.folding import fold_text

BOUNDS = (0.5, 2.0)
"""Log odds of being the value stated, from which on a value is of the next level."""
LEVELS = len(BOUNDS) + 2
"""Level 0 was never stated in a text."""
LONGEST = 12
"""Words of a value; a longer one counts as never stated."""
MOST_SPELLINGS = 5_000
"""Of an attribute, the commonest values'."""
Phrase = tuple[str, ...]
Counts = Mapping[str, Mapping[Phrase, tuple[int, int]]]


@dataclass(frozen=True)
class Familiarity:
    """``counts``: by attribute and value (its words), in how many texts it was the value stated, and in how
    many it stands. ``spellings``: by attribute, how the cells write their values, the commonest first and
    each in its commonest letter case."""

    counts: Counts = field(default_factory=dict)
    spellings: Mapping[str, Sequence[str]] = field(default_factory=dict)

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
        known = {name: {p: (told, met) for p, (told, met) in own.items()} for name, own in counts.items()}
        return cls(known, _spellings(products))

    def spelt(self, attribute: str, value: str) -> str:
        """As the cells write it: a value of theirs that is the same letter case aside, else the commonest
        that is the same but for punctuation, spaces and a plural s, else the value itself."""
        alike, loosely = self._ways.get(attribute, _NO_WAYS)
        return alike.get(fold_text(value)) or loosely.get(joined(tokens(value)), value)

    @cached_property
    def _ways(self) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
        made = {}
        for name, own in self.spellings.items():
            loosely: dict[str, str] = {}
            for spelling in own:
                loosely.setdefault(joined(tokens(spelling)), spelling)
            made[name] = {fold_text(spelling): spelling for spelling in own}, loosely
        return made

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
            "counts": {
                name: {" ".join(phrase): list(count) for phrase, count in sorted(own.items())}
                for name, own in sorted(self.counts.items())
            },
            "spellings": {name: list(own) for name, own in sorted(self.spellings.items())},
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Familiarity:
        """Raises ``KeyError``, ``TypeError``, ``ValueError`` or ``AttributeError`` where it is damaged."""
        return Familiarity(
            {
                name: {tuple(words.split(" ")): (int(told), int(met)) for words, (told, met) in own.items()}
                for name, own in content["counts"].items()
            },
            {str(name): [str(each) for each in own] for name, own in content["spellings"].items()},
        )


_NO_WAYS: tuple[dict[str, str], dict[str, str]] = ({}, {})


def _spellings(products: Iterable[Product]) -> dict[str, list[str]]:
    """Of words, not of quantities, which have a way of their own to be written."""
    cells: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for product in products:
        for name, values in product.stated.items():
            for value in values:
                cells[name][fold_text(value.text)][" ".join(value.text.split())] += 1
    made = {}
    for name, ways in cells.items():
        worded = [way for folded, way in ways.items() if any(map(str.isalpha, joined(tokens(folded))))]
        common = sorted(worded, key=lambda way: -way.total())[:MOST_SPELLINGS]
        spelt = [way.most_common(1)[0][0] for way in common]
        made[name] = [each for each in spelt if parse_quantity(each) is None]
    return made


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
