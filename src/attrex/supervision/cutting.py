"""Products with stretches of their texts taken out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from attrex.core import Product, Source, Span, Stated

_SUFFIX = re.compile(r"(?:['’]s|s['’]|es|s)(?!\w)", re.IGNORECASE)


def cut(product: Product, spans: Iterable[Span]) -> Product:
    """The product without these stretches of text.

    White space that meets at a cut becomes one; a source left without text goes. Annotated spans
    move along; those that lost a character are dropped.
    """
    texts = {source.name: source.text for source in product.sources}
    ranges: dict[str, list[tuple[int, int]]] = {}
    for span in sorted(spans):
        start, end = _with_space(texts[span.source], span.start, span.end)
        known = ranges.setdefault(span.source, [])
        if known and start <= known[-1][1]:
            known[-1] = (known[-1][0], max(known[-1][1], end))
        else:
            known.append((start, end))
    sources = (Source(s.name, _without(s.text, ranges.get(s.name, ()))) for s in product.sources)
    stated = {
        name: tuple(Stated(v.text, _moved(v.spans, ranges)) for v in values)
        for name, values in product.stated.items()
    }
    return replace(product, sources=tuple(s for s in sources if s.text.strip()), stated=stated)


def with_suffix(span: Span, product: Product) -> Span:
    """The span with the ending of a plural or possessive behind it."""
    suffix = _SUFFIX.match(product.text(span.source) or "", span.end)
    return replace(span, end=suffix.end()) if suffix else span


def _with_space(text: str, start: int, end: int) -> tuple[int, int]:
    """The range with one side's white space, where both sides have some or the text begins or ends."""
    after = end
    while after < len(text) and text[after].isspace():
        after += 1
    if start == 0 or text[start - 1].isspace():
        return start, after
    return (start, end) if after < len(text) else (start, after)


def _without(text: str, ranges: Sequence[tuple[int, int]]) -> str:
    kept, at = [], 0
    for start, end in ranges:
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]])


def _moved(spans: Sequence[Span], ranges: Mapping[str, Sequence[tuple[int, int]]]) -> tuple[Span, ...]:
    moved = []
    for span in spans:
        cuts = ranges.get(span.source, ())
        if not any(start < span.end and span.start < end for start, end in cuts):
            moved.append(span.shifted(-sum(end - start for start, end in cuts if end <= span.start)))
    return tuple(moved)
