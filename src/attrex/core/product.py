"""What a shop knows of one thing it sells."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from attrex.core.span import Span

Corner = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Printed:
    """Where the characters ``[start, end)`` of a source were read from: one line on a picture (``location``),
    its ``corners`` in pixels of the upright picture, clockwise from where the line begins, and how sure the
    reading is."""

    start: int
    end: int
    location: str
    corners: tuple[Corner, Corner, Corner, Corner]
    confidence: float

    def around(self, start: int, end: int) -> list[Corner]:
        """The corners of the characters ``[start, end)`` of it, each taken to be as wide as any other."""
        length = self.end - self.start
        begin, stop = (min(max(at - self.start, 0), length) / length for at in (start, end))
        first, second, third, fourth = self.corners
        return [_between(a, b, at) for a, b in ((first, second), (fourth, third)) for at in (begin, stop)]

    def within(self, start: int, end: int) -> Printed | None:
        """What of it stands in ``[start, end)`` of the source, in the characters of that part; None where
        nothing does."""
        first, last = max(self.start, start), min(self.end, end)
        if first >= last:
            return None
        if (first, last) == (self.start, self.end):
            return replace(self, start=first - start, end=last - start)
        a, b, d, c = self.around(first, last)
        return replace(self, start=first - start, end=last - start, corners=(a, b, c, d))


def _between(a: Corner, b: Corner, at: float) -> Corner:
    return round(a[0] + (b[0] - a[0]) * at, 1), round(a[1] + (b[1] - a[1]) * at, 1)


@dataclass(frozen=True, slots=True)
class Source:
    """One named text: title, description, bullets, specification, OCR. ``printed`` is where it was read from,
    if from pictures; the text is the same without."""

    name: str
    text: str
    printed: tuple[Printed, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """One photograph, by path relative to the catalogue's folder, or by URL.

    ``pixels``, once it was read: S×S×3 red, green and blue as ``uint8`` of numpy, of the size that the model
    wants (``Traits.pictures``). ``size``: the upright picture's own width and height, from which they were
    stretched; None where that is not known.
    """

    location: str
    pixels: Any = field(default=None, compare=False, repr=False)
    size: tuple[int, int] | None = field(default=None, compare=False, repr=False)

    @property
    def content(self) -> str:
        """What tells it from another: a hash of its pixels; of one that was not read, its location."""
        if self.pixels is None:
            return self.location
        return hashlib.blake2b(self.pixels.tobytes(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Stated:
    """One value of a filled cell; ``spans`` only where an annotator has pointed at it."""

    text: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """An id, a category, texts, pictures, and the values already stated.

    ``stated`` has three states per attribute: no key, the cell is empty and *unknown*; an
    empty tuple, explicitly no value (``n/a``); otherwise the values.
    """

    id: str
    category: str | None = None
    sources: tuple[Source, ...] = ()
    pictures: tuple[Picture, ...] = ()
    stated: Mapping[str, tuple[Stated, ...]] = field(default_factory=dict)

    @property
    def is_seen(self) -> bool:
        """Whether each of its pictures has its pixels."""
        return all(picture.pixels is not None for picture in self.pictures)

    def text(self, source: str) -> str | None:
        """The text of the named source, or None where the product has no such source."""
        return next((s.text for s in self.sources if s.name == source), None)
