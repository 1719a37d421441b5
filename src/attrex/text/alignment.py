"""Spans of characters as tags of tokens."""

from __future__ import annotations

from collections.abc import Sequence

from attrex.core import Span
from attrex.core.tags import TagScheme
from attrex.text.reading import Reading


def token_spans(reading: Reading, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Token spans that cover the characters, in order, without overlaps; of two the longer stays.

    A span of which no token is left (a window was cut there) is dropped.
    """
    covered = {tokens for span in spans if (tokens := reading.tokens(span)) is not None}
    kept: list[tuple[int, int]] = []
    for start, end in sorted(covered, key=lambda t: (t[0] - t[1], t)):
        if all(end <= s or e <= start for s, e in kept):
            kept.append((start, end))
    return sorted(kept)


def to_tags(reading: Reading, spans: Sequence[Span], scheme: TagScheme) -> list[int]:
    """One tag per token of the reading."""
    return scheme.encode(token_spans(reading, spans), len(reading))


def to_spans(reading: Reading, tags: Sequence[int], scheme: TagScheme) -> list[Span]:
    """The character spans of a tag sequence; a value never runs across two sources."""
    found = (reading.span(start, end) for start, end in scheme.decode(tags))
    return [span for span in found if span is not None]
