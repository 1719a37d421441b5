"""Spans of characters as tags of tokens."""

from __future__ import annotations

from collections.abc import Sequence

from attrex.core import Span
from attrex.core.tags import TagScheme
from attrex.text.reading import Reading


def cover(reading: Reading, spans: Sequence[Span]) -> list[tuple[tuple[int, int], Span]]:
    """The fewest tokens that cover each span, with the span, in order and without overlaps; of two the
    longer stays. A span of which no token is left (a window was cut there) is dropped."""
    covered = {tokens: span for span in spans if (tokens := reading.tokens(span)) is not None}
    kept: dict[tuple[int, int], Span] = {}
    for start, end in sorted(covered, key=lambda t: (t[0] - t[1], t)):
        if all(end <= s or e <= start for s, e in kept):
            kept[start, end] = covered[start, end]
    return sorted(kept.items())


def token_spans(reading: Reading, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """``cover`` without the spans."""
    return [tokens for tokens, _ in cover(reading, spans)]


def to_tags(reading: Reading, spans: Sequence[Span], scheme: TagScheme) -> list[int]:
    """One tag per token of the reading."""
    return scheme.encode(token_spans(reading, spans), len(reading))


def to_spans(reading: Reading, tags: Sequence[int], scheme: TagScheme) -> list[Span]:
    """The character spans of a tag sequence; a value never runs across two sources."""
    found = (reading.span(start, end) for start, end in scheme.decode(tags))
    return [span for span in found if span is not None]
