"""Mention replacement (Dai and Adel, 2020, §3): a value in a training text gives way to another value of the
same attribute and category.

A small catalogue shows a brand beside one product type only; a tagger learns the pair by heart. With other
values in the same places it learns where a value stands, and can be trained for longer.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from attrex.errors import ConfigError
from attrex.models.tagging import TaggedAsk, TaggedWindow

Values = Mapping[tuple[str | None, str], Sequence[list[int]]]
"""Token ids of the values, as often as they stand in the texts, by category and attribute."""


def check_replacement(probability: float) -> float:
    """Itself. Raises ``ConfigError`` where it is no probability."""
    if not 0 <= probability <= 1:
        raise ConfigError(f"replacement is {probability:g}; it must lie in [0, 1]")
    return probability


def with_replacements(
    windows: Sequence[TaggedWindow], probability: float, *, limit: int, seed: str
) -> list[TaggedWindow]:
    """Each value that overlaps no other attribute's gives way with that probability. A window that would
    grow past ``limit`` tokens stays as it is.

    What is changed are tokens: texts and characters of a changed window's reading are the old ones.
    """
    chance = random.Random(f"replacement/{seed}")  # noqa: S311 - a reproducible draw, no secret
    values = _values(windows)
    return [_replaced(window, values, probability, limit, chance) for window in windows]


def _values(windows: Sequence[TaggedWindow]) -> Values:
    found: defaultdict[tuple[str | None, str], list[list[int]]] = defaultdict(list)
    for window in windows:
        for ask in window.asks:
            for start, end in ask.spans:
                found[window.product.category, ask.attribute.name].append(window.reading.ids[start:end])
    return found


def _replaced(
    window: TaggedWindow, values: Values, probability: float, limit: int, chance: random.Random
) -> TaggedWindow:
    places = [(*span, at) for at, ask in enumerate(window.asks) for span in ask.spans]
    changes: list[tuple[int, int, list[int]]] = []
    for start, end, at in sorted(places):
        alone = all(e <= start or end <= s for s, e, other in places if other != at)
        if alone and chance.random() < probability:
            name = window.asks[at].attribute.name
            changes.append((start, end, chance.choice(values[window.product.category, name])))
    grown = len(window.reading) + sum(len(new) - (end - start) for start, end, new in changes)
    return _changed(window, changes) if changes and grown <= limit else window


def _changed(window: TaggedWindow, changes: Sequence[tuple[int, int, list[int]]]) -> TaggedWindow:
    """``changes``: old tokens ``[start, end)`` and what stands there now, from left to right."""
    old = window.reading
    kept: list[int] = []  # of each new token the old one whose place it takes
    ids: list[int] = []
    first = [0] * (len(old) + 1)  # where a span that began there begins now
    last = [0] * (len(old) + 1)  # where a span that ended there ends now
    at = 0
    for start, end, new in [*changes, (len(old), len(old), [])]:
        for token in range(at, start):
            first[token] = last[token] = len(ids)
            ids.append(old.ids[token])
            kept.append(token)
        first[start] = len(ids)
        last[start] = len(ids)
        ids += new
        kept += [start] * len(new)
        last[end] = len(ids)
        at = end
    asks = tuple(_moved(ask, first, last) for ask in window.asks)
    reading = replace(
        old,
        ids=ids,
        sources=[old.sources[token] for token in kept],
        starts=[old.starts[token] for token in kept],
        ends=[old.ends[token] for token in kept],
    )
    return replace(window, reading=reading, asks=asks)


def _moved(ask: TaggedAsk, first: Sequence[int], last: Sequence[int]) -> TaggedAsk:
    return replace(ask, spans=tuple((first[start], last[end]) for start, end in ask.spans))
