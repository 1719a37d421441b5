"""A product's window as a token sequence: what a network reads, and the way back to characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from attrex.core import Product, Span
from attrex.text.tokeniser import Tokeniser, Tokens

BETWEEN = -1
"""The source index of a separator."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The tokens of all sources, one after another with a separator between.

    ``ids``, ``sources``, ``starts``, ``ends`` run in step: vocabulary id, index into ``names`` (or
    ``BETWEEN``), and the token's characters within that source. ``prefix`` holds the tokens of the
    category, which are context and never part of a value.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]
    prefix: list[int]
    ids: list[int]
    sources: list[int]
    starts: list[int]
    ends: list[int]

    def __len__(self) -> int:
        return len(self.ids)

    def span(self, start: int, end: int) -> Span | None:
        """The characters of tokens ``[start, end)``; None where they lie in more than one source.

        Combining marks that the tokeniser's normaliser strips belong to the character before them.
        """
        source = self.sources[start]
        if source == BETWEEN or source != self.sources[end - 1]:
            return None
        text, last = self.texts[source], self.ends[end - 1]
        next_start = self.starts[end] if end < len(self) else None
        while last < len(text) and last != next_start and unicodedata.category(text[last])[0] == "M":
            last += 1
        return Span(self.names[source], self.starts[start], last)

    def tokens(self, span: Span) -> tuple[int, int] | None:
        """The fewest tokens ``[start, end)`` that cover the characters; None where there are none.

        Exact where the span begins and ends at token boundaries; else the tokens cover more than it.
        """
        first = last = None
        for at, source in enumerate(self.sources):
            if (
                source != BETWEEN
                and self.names[source] == span.source
                and self.starts[at] < span.end
                and span.start < self.ends[at]
            ):
                first = at if first is None else first
                last = at
        return None if first is None or last is None else (first, last + 1)


def read(products: Sequence[Product], tokeniser: Tokeniser, *, category: bool = True) -> list[Reading]:
    """Tokenise windows. ``category`` puts the product's category in front, as context."""
    texts = [source.text for product in products for source in product.sources]
    encoded = iter(tokeniser.encode(texts))
    prefixes = _prefixes({p.category for p in products if p.category}, tokeniser) if category else {}
    readings: list[Reading] = []
    for product in products:
        ids: list[int] = []
        sources: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        for index in range(len(product.sources)):
            tokens: Tokens = next(encoded)
            if ids and tokens.ids:
                ids.append(tokeniser.separator)
                sources.append(BETWEEN)
                starts.append(0)
                ends.append(0)
            ids += tokens.ids
            sources += [index] * len(tokens.ids)
            starts += tokens.starts
            ends += tokens.ends
        readings.append(
            Reading(
                tuple(s.name for s in product.sources),
                tuple(s.text for s in product.sources),
                prefixes.get(product.category or "", []),
                ids,
                sources,
                starts,
                ends,
            )
        )
    return readings


LONGEST_PREFIX = 16
"""Tokens of a category that are read; a path such as "A > B > C" says the most in its end."""


def _prefixes(categories: Iterable[str], tokeniser: Tokeniser) -> dict[str, list[int]]:
    names = sorted(categories)
    encoded = tokeniser.encode(names)
    return {
        name: [*tokens.ids[-LONGEST_PREFIX:], tokeniser.separator]
        for name, tokens in zip(names, encoded, strict=True)
    }
