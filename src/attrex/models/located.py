"""Where a value stands that was not read off the text."""

from __future__ import annotations

from attrex.core import Evidence, Span
from attrex.text.matching import locate
from attrex.text.reading import Reading


def located(value: str, reading: Reading) -> list[tuple[str, Evidence]]:
    """The places on the best rung of ``text.matching.locate`` that has any, each as the text writes it;
    nowhere: the value itself, "inferred"."""
    places = [
        (source[o.start : o.end], Evidence("span", Span(name, o.start, o.end), alignment=o.alignment))
        for name, source in zip(reading.names, reading.texts, strict=True)
        for o in locate(value, source)
    ]
    for rung in ("exact", "normalised", "fuzzy"):
        if chosen := [each for each in places if each[1].alignment == rung]:
            return chosen
    return [(value, Evidence("inferred"))]
