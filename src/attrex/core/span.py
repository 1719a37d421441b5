"""Where a value stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """``[start, end)`` in code points of one source's original text."""

    source: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"span [{self.start}, {self.end}) is empty or negative")

    def overlaps(self, other: Span) -> bool:
        """Whether the two share a character of the same source."""
        return self.source == other.source and self.start < other.end and other.start < self.end

    def shifted(self, by: int) -> Span:
        """The same span, ``by`` characters further right."""
        return Span(self.source, self.start + by, self.end + by)
