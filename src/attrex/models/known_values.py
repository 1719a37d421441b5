"""The values that an attribute had in the training data, as the classes of a value head.

Class 0 of each attribute is "none", class n its n-th value, the commonest first.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from attrex.core import Attribute, Candidate
from attrex.models.attribute_parts import LIST, AttributeTable
from attrex.models.located import located
from attrex.models.tagging import FLOOR, PROPOSALS, TaggedAsk, TaggedWindow
from attrex.normalise.folding import joined, tokens
from attrex.text.folding import fold_text
from attrex.text.reading import Reading

KNOWN = "known_values.json"
"""``KnownValuesTable`` in a model folder, beside the list of names."""
MOST = 512
"""Values of an attribute that are known at most, the commonest."""


@dataclass(frozen=True)
class Known:
    """An attribute's known ``values``, and how likely another is (``unseen``)."""

    values: tuple[str, ...]
    unseen: float

    @cached_property
    def keys(self) -> frozenset[str]:
        """The values but for how they are written."""
        return frozenset(map(_key, self.values))


class KnownValuesTable(AttributeTable):
    """The attributes of the training data, each with its ``values`` in their commonest spelling, and the
    probability of a value that is none of those."""

    def __init__(
        self, names: Sequence[str], values: Sequence[Sequence[str]], unseen: Sequence[float]
    ) -> None:
        super().__init__(names)
        self.values = tuple(tuple(own) for own in values)
        self.known = tuple(Known(own, share) for own, share in zip(self.values, unseen, strict=True))
        self.classes = [{fold_text(v): at for at, v in enumerate(own, start=1)} for own in self.values]

    def files(self) -> dict[str, str]:
        told = {"values": self.values, "unseen": [known.unseen for known in self.known]}
        return {**super().files(), KNOWN: json.dumps(told, ensure_ascii=False)}


class KnownValues:
    """An attribute is its place in a list, and the values that it had."""

    answers: Literal["open", "closed"] = "closed"

    def begin(self, attributes: Sequence[Attribute], windows: Sequence[TaggedWindow]) -> KnownValuesTable:
        spellings: defaultdict[str, defaultdict[str, Counter[str]]]
        spellings = defaultdict(lambda: defaultdict(Counter))
        for window in windows:
            for ask in window.asks:
                for value in values_of(ask, window):
                    spellings[ask.attribute.name][fold_text(value)][value] += 1
        values, unseen = [], []
        for attribute in attributes:
            own = spellings[attribute.name]
            often = sorted(own, key=lambda key: (-own[key].total(), key))
            values.append([own[key].most_common(1)[0][0] for key in often[:MOST]])
            unseen.append(_unseen([own[key].total() for key in often]))
        return KnownValuesTable([a.name for a in attributes], values, unseen)

    def remake(self, files: Mapping[str, str]) -> KnownValuesTable:
        told = json.loads(files[KNOWN])
        if isinstance(told, list):  # a folder from before others were reckoned with
            told = {"values": told, "unseen": [1.0] * len(told)}
        return KnownValuesTable(json.loads(files[LIST]), told["values"], told["unseen"])


def _unseen(counts: Sequence[int]) -> float:
    """The probability of a value that is not known, of how often each value was seen, the commonest first: as
    many as were seen once (Good 1953), and those beyond ``MOST``. One where nothing was seen."""
    beyond = sum(counts[MOST:])
    once = sum(1 for count in counts[:MOST] if count == 1)
    return (once + beyond) / sum(counts) if counts else 1.0


def _key(text: str) -> str:
    """What tells a value from another, however both are written; itself where it has no word."""
    return joined(tokens(text)) or fold_text(text)


def values_of(ask: TaggedAsk, window: TaggedWindow) -> list[str]:
    """The ask's values as the product's cells write them: what stands in the window as "T-shirt" is the
    cell's "Tshirts"."""
    texts = dict(zip(window.reading.names, window.reading.texts, strict=True))
    stated = [value.text for value in window.product.stated.get(ask.attribute.name) or ()]
    cells = {joined(words): text for text in reversed(stated) if (words := tokens(text))}
    only = stated[0] if len(stated) == 1 else None
    found = (texts[span.source][span.start : span.end] for span in ask.exact)
    return [*(only or cells.get(joined(tokens(text)), text) for text in found), *ask.unlocated]


def class_tensors(
    examples: Sequence[TaggedWindow], table: KnownValuesTable, first: Sequence[int]
) -> dict[str, Tensor]:
    """For ``nn.value_head.value_loss``: the classes that products are known to have, each ask's sharing a
    weight of one. ``first``: each attribute's first class. Asks whose values are all unknown teach
    nothing."""
    rows = [
        (at, first[place] + own, 1 / len(classes))
        for at, example in enumerate(examples)
        for place, classes in _classes(example, table)
        for own in classes
    ]
    return {
        "class_product_M": torch.tensor([at for at, _, _ in rows], dtype=torch.long),
        "class_M": torch.tensor([own for _, own, _ in rows], dtype=torch.long),
        "class_weight_M": torch.tensor([weight for _, _, weight in rows], dtype=torch.float32),
    }


def _classes(example: TaggedWindow, table: KnownValuesTable) -> Iterator[tuple[int, list[int]]]:
    for ask in example.asks:
        place = table.places[ask.attribute.name]
        values = values_of(ask, example)
        known = {table.classes[place].get(fold_text(value)) for value in values} - {None}
        if not values:
            yield place, [0]
        elif known:
            yield place, sorted(each for each in known if each is not None)


def with_known(
    candidates: Sequence[Candidate],
    none: float,
    known: Known,
    probabilities_W: Sequence[float],
    reading: Reading,
) -> tuple[tuple[Candidate, ...], float]:
    """A tagger's answer and a value head's as one: what the tagger leaves to "none" is shared by the head's
    classes, of which the first is "none". A value that the tagger proposes too, in whatever writing,
    gains by it; another stands where the text has it, else it is inferred.

    What the tagger proposes and is none of the known values counts by how likely such a value is beside the
    head's surest; the rest of it is left to the head. Else the head is not heard where a word is tagged that
    never was a value."""
    values = known.values
    surest = (1 - known.unseen) * max(probabilities_W[1:], default=0.0)
    worth = known.unseen / (known.unseen + surest) if surest else 1.0
    gained = [c if _key(c.text) in known.keys else replace(c, score=worth * c.score) for c in candidates]
    left = none + sum(c.score for c in candidates) - sum(c.score for c in gained)
    shares = [min(left, 1.0) * own for own in probabilities_W]
    by_key = {_key(c.text): at for at, c in reversed(list(enumerate(gained)))}
    best = sorted(range(1, len(shares)), key=lambda at: -shares[at])[:PROPOSALS]
    for at in best:
        if shares[at] < FLOOR:
            break
        place = by_key.get(_key(values[at - 1]))
        if place is None:
            found, where = located(values[at - 1], reading)[0]
            place = by_key.get(_key(found))
            if place is None:
                gained.append(Candidate(found, shares[at], where))
                continue
        held = gained[place]
        gained[place] = Candidate(held.text, min(1.0, held.score + shares[at]), held.evidence)
    gained.sort(key=lambda c: -c.score)
    return tuple(c for c in gained if c.score >= FLOOR), shares[0]
