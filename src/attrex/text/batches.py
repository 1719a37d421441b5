"""Sequences of like length together, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices in batches, longest first, each of at most ``budget`` padded tokens (or one sequence)."""
    ordered = sorted(range(len(lengths)), key=lambda at: -lengths[at])
    begin = 0
    while begin < len(ordered):
        fits = max(1, budget // max(1, lengths[ordered[begin]]))
        yield ordered[begin : begin + fits]
        begin += fits
