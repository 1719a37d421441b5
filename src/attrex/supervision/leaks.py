"""Sources that state an attribute by its name ("Brand: Acme" in a specification).

With such a source in the input the task is trivial, and a score on it says nothing of texts without one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from attrex.core import Product, Source, Span
from attrex.schema.schema import Schema
from attrex.supervision.cutting import cut
from attrex.text.matching import find

_FEWEST = 2

# What may stand between a name and its value: "Brand: x", "Brand = x", "Brand | x", "Brand - x",
# {"Brand" => "x"}, {"key": "Brand", "value": "x"}
_SEPARATOR = re.compile(
    r"""["'\]\s]*(?:,\s*["']?value["']?\s*(?:=>|:|=)|=>|[:=|\t]|\s[-\u2013]\s)[\s"'\[]*""", re.IGNORECASE
)
_END_OF_VALUE = re.compile(r"[\n;|{}]|\"\s*[,}]|$")
_TAIL = re.compile(r"[\"'\]\s]*[;,|]?")


@dataclass(frozen=True, slots=True)
class Leak:
    """``share`` of the products that have the cell filled and the source: there the source states it."""

    source: str
    attribute: str
    share: float

    def __str__(self) -> str:
        return (
            f'source "{self.source}" states "{self.attribute}" by name in {self.share:.0%} of the '
            "filled cells; this makes the attribute trivial there"
        )


def find_leaks(products: Iterable[Product], schema: Schema, *, min_share: float = 0.05) -> list[Leak]:
    """The leaks with at least that share and at least two cells, the largest first."""
    asked: defaultdict[tuple[str, str], int] = defaultdict(int)
    told: defaultdict[tuple[str, str], int] = defaultdict(int)
    for product in products:
        for attribute in schema.of(product.category):
            values = [v.text for v in product.stated.get(attribute.name, ())]
            for source in product.sources if values else ():
                key = (source.name, attribute.name)
                asked[key] += 1
                told[key] += any(
                    _value_end(source.text, after, values) is not None
                    for _, after in _namings(source.text, attribute.name)
                )
    leaks = [
        Leak(source, attribute, number / asked[source, attribute])
        for (source, attribute), number in told.items()
        if number >= _FEWEST and number / asked[source, attribute] >= min_share
    ]
    return sorted(leaks, key=lambda leak: (-leak.share, leak.source, leak.attribute))


def remove_leaks(product: Product, leaks: Sequence[Leak]) -> Product:
    """The product without the statements, whether its cells are filled or empty: the name and the value
    go. A value not known ends at the line, at a semicolon or bar, or where the next statement begins."""
    spans: list[Span] = []
    for source in product.sources:
        names = [leak.attribute for leak in leaks if leak.source == source.name]
        spans += _statements(source, names, product)
    return cut(product, spans) if spans else product


def _statements(source: Source, names: Sequence[str], product: Product) -> list[Span]:
    namings = sorted((start, after, name) for name in names for start, after in _namings(source.text, name))
    spans = []
    for index, (start, after, name) in enumerate(namings):
        following = namings[index + 1][0] if index + 1 < len(namings) else len(source.text)
        end = _value_end(source.text, after, [v.text for v in product.stated.get(name, ())])
        if end is None:
            stop = _END_OF_VALUE.search(source.text, after)
            end = min(following, stop.start() if stop else len(source.text))
        tail = _TAIL.match(source.text, end)
        end = max(end, min(following, tail.end())) if tail and following > end else end
        if start < end:
            spans.append(Span(source.name, start, end))
    return spans


def _namings(text: str, name: str) -> list[tuple[int, int]]:
    """Where the name stands before a separator: the name's start and the separator's end."""
    found = []
    for occurrence in find(name, text):
        separator = _SEPARATOR.match(text, occurrence.end)
        if separator:
            found.append((occurrence.start, separator.end()))
    return found


def _value_end(text: str, start: int, values: Sequence[str]) -> int | None:
    """The end of the longest of the values that begins right there."""
    ends = []
    for value in values:
        window = text[start : start + 2 * len(value) + 8]
        ends += [start + o.end for o in find(value, window)[:1] if o.start == 0]
    return max(ends, default=None)
