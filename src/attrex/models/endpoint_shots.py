"""Demonstrations: of the training data the products that are most like the one asked about."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from attrex.core import Product, Source
from attrex.errors import ModelError
from attrex.models.endpoint_prompts import shown
from attrex.supervision.pool import Pool
from attrex.supervision.splits import title_key
from attrex.text.folding import fold_text
from attrex.text.matching import locate

KEPT = 5_000
"""Products that may be shown, spread evenly over the training data."""
TEXT = 2_000
"""Characters of one that are shown."""
RANKED = 200
"""The most similar, among which those are chosen that say something of what is asked."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Shot:
    """A training product as it is shown, and what is known of it: values by attribute, none at all where it
    has none. ``title`` tells it from others."""

    product: Mapping[str, str]
    values: Mapping[str, tuple[str, ...]]
    title: str

    def answer(self, names: Sequence[str], many: Mapping[str, bool]) -> dict[str, object]:
        """As a model should have answered, as far as it is known."""
        known = [name for name in names if name in self.values]
        return {
            name: (list(own) if many[name] else own[0]) if (own := self.values[name]) else None
            for name in known
        }


class Shots:
    """Compares by the cosine of words weighted by their rarity (tf-idf), without a network."""

    def __init__(self, shots: Sequence[Shot] = ()) -> None:
        self.shots = tuple(shots)
        counts = [Counter(_words(shot.product)) for shot in self.shots]
        frequency = Counter(word for each in counts for word in each)
        number = len(self.shots)
        self._rarity = {word: math.log(1 + number / often) for word, often in frequency.items()}
        self._index: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        for at, each in enumerate(counts):
            weights = {w: (1 + math.log(n)) * self._rarity[w] for w, n in each.items()}
            length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
            for word, weight in weights.items():
                self._index[word].append((at, weight / length))

    @classmethod
    def of(cls, pool: Pool) -> Shots:
        """Of the pool's products with a label."""
        known: defaultdict[int, dict[str, tuple[str, ...]]] = defaultdict(dict)
        for label in pool.labels:
            known[label.product][label.attribute.name] = label.values
        chosen = sorted(known)
        if len(chosen) > KEPT:
            chosen = [chosen[at * len(chosen) // KEPT] for at in range(KEPT)]
        shots = (_shot(pool.products[at], known[at]) for at in chosen)
        return cls([shot for shot in shots if shot.values])

    def ranked(self, product: Product) -> list[Shot]:
        """The most similar first, at most ``RANKED``. One with the product's own title is not shown: it may
        hold the answer."""
        scores: defaultdict[int, float] = defaultdict(float)
        for word, often in Counter(_words(shown(product))).items():
            weight = (1 + math.log(often)) * self._rarity.get(word, 0.0)
            for at, other in self._index.get(word, ()):
                scores[at] += weight * other
        own = title_key(product)
        best = sorted(scores, key=lambda at: (-scores[at], at))[:RANKED]
        return [shot for shot in (self.shots[at] for at in best) if shot.title != own]

    def to_json(self) -> str:
        """``from_json`` reads it back."""
        return json.dumps([[s.product, s.values, s.title] for s in self.shots], ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> Shots:
        """Raises ``ModelError`` where it is damaged."""
        try:
            return cls(
                [
                    Shot(
                        {str(n): str(t) for n, t in product.items()},
                        {str(n): tuple(map(str, own)) for n, own in values.items()},
                        str(title),
                    )
                    for product, values, title in json.loads(text)
                ]
            )
        except (ValueError, TypeError, AttributeError) as problem:
            raise ModelError(
                f"the demonstrations are damaged ({problem}). Fix: fit the model again"
            ) from None


def chosen(ranked: Sequence[Shot], names: Sequence[str], number: int) -> list[Shot]:
    """The first ``number`` that say something of one of these attributes, the most similar last: next to the
    question."""
    told = [shot for shot in ranked if any(name in shot.values for name in names)]
    return told[:number][::-1]


def _shot(product: Product, values: Mapping[str, tuple[str, ...]]) -> Shot:
    """A long product is shown in part, without the values of which nothing is left in it."""
    short = _shortened(product)
    if short is not product:
        lost = {
            name
            for name, own in values.items()
            if any(_stands(value, product) and not _stands(value, short) for value in own)
        }
        values = {name: own for name, own in values.items() if name not in lost}
    return Shot(shown(short), values, title_key(product))


def _stands(value: str, product: Product) -> bool:
    return any(locate(value, source.text) for source in product.sources)


def _shortened(product: Product) -> Product:
    if sum(len(source.text) for source in product.sources) <= TEXT:
        return product
    room, kept = TEXT, []
    for source in product.sources:
        text = source.text
        if len(text) > room:
            text = text[:room].rsplit(None, 1)[0] if room else ""
        room = max(0, room - len(text))
        if text.strip():
            kept.append(Source(source.name, text))
    return replace(product, sources=tuple(kept))


def _words(texts: Mapping[str, str]) -> list[str]:
    return _WORD.findall(fold_text(" ".join(texts.values())[: 2 * TEXT]))
