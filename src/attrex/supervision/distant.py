"""Labels without annotators: the filled cells, and where their values stand in the texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from attrex.core import Alignment, Attribute, Product, Span, Stated
from attrex.schema.schema import Schema
from attrex.supervision.pool import Label, Pool
from attrex.text.matching import Occurrence, find, locate

TAG_ALL = frozenset({"title", "bullets", "specification"})
"""Sources where every occurrence of a value is the attribute's; elsewhere at least one is."""

_EXAMPLES = 5


@dataclass(slots=True)
class AttributeCounts:
    """What became of one attribute's cells. ``located`` counts values by how they were
    recognised, annotated spans as "exact"; ``examples`` holds a few (product id, value, as found),
    ``missed`` a few (product id, value) found nowhere."""

    filled: int = 0
    values: int = 0
    located: dict[Alignment, int] = field(default_factory=lambda: {"exact": 0, "normalised": 0, "fuzzy": 0})
    unlocated: int = 0
    negatives: int = 0
    examples: list[tuple[str, str, str]] = field(default_factory=list)
    missed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def share_located(self) -> float | None:
        """The share of the values that stand in a text; None without values."""
        return sum(self.located.values()) / self.values if self.values else None


@dataclass(slots=True)
class LabelReport:
    """What was matched and what was not, by attribute."""

    attributes: dict[str, AttributeCounts] = field(default_factory=dict)

    def of(self, name: str) -> AttributeCounts:
        """The attribute's counts, begun at nought."""
        return self.attributes.setdefault(name, AttributeCounts())

    def total(self) -> AttributeCounts:
        """All attributes together, without examples."""
        total = AttributeCounts()
        for counts in self.attributes.values():
            total.filled += counts.filled
            total.values += counts.values
            total.unlocated += counts.unlocated
            total.negatives += counts.negatives
            for alignment, number in counts.located.items():
                total.located[alignment] += number
        return total

    def rows(self) -> list[dict[str, str | int | float | None]]:
        """One row an attribute, the fullest first, to print as a table."""
        ordered = sorted(self.attributes.items(), key=lambda item: (-item[1].filled, item[0]))
        return [
            {
                "attribute": name,
                "filled": c.filled,
                "values": c.values,
                "exact": c.located["exact"],
                "normalised": c.located["normalised"],
                "fuzzy": c.located["fuzzy"],
                "unlocated": c.unlocated,
                "negatives": c.negatives,
                "share_located": c.share_located,
            }
            for name, c in ordered
        ]


def label(products: Sequence[Product], schema: Schema, *, complete: bool = False) -> tuple[Pool, LabelReport]:
    """Labels for every ask of which something is known, and the account of it.

    A filled cell is a positive where one of its values stands in a text (a span an annotator gave goes
    before matching), else "unlocated"; an explicit "no value" is a negative; an empty cell teaches nothing,
    or is a negative too where the table is ``complete``.
    """
    labels: list[Label] = []
    report = LabelReport()
    for attribute in schema.every:
        report.of(attribute.name)
    for index, product in enumerate(products):
        for attribute in schema.of(product.category):
            stated = product.stated.get(attribute.name)
            if stated is None and not complete:
                continue
            counts = report.of(attribute.name)
            if not stated:
                counts.negatives += 1
                labels.append(Label(index, attribute, "negative"))
            else:
                labels.append(_label_filled(index, product, attribute, stated, counts))
    return Pool(products, labels, schema), report


def _label_filled(
    index: int, product: Product, attribute: Attribute, stated: Sequence[Stated], counts: AttributeCounts
) -> Label:
    counts.filled += 1
    spans: list[Span] = []
    certain = True
    for value in stated:
        counts.values += 1
        found, alignment, all_tagged = _spans_of(value, product, attribute)
        certain = certain and all_tagged
        if not found:
            counts.unlocated += 1
            if len(counts.missed) < _EXAMPLES:
                counts.missed.append((product.id, value.text))
            continue
        counts.located[alignment] += 1
        if len(counts.examples) < _EXAMPLES:
            text = product.text(found[0].source) or ""
            counts.examples.append((product.id, value.text, text[found[0].start : found[0].end]))
        spans += found
    values = tuple(value.text for value in stated)
    if not spans:
        return Label(index, attribute, "unlocated", values)
    return Label(index, attribute, "positive", values, longest(spans), complete=certain)


def longest(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans in text order without overlaps; of two that overlap the longer stays."""
    kept: list[Span] = []
    covered: defaultdict[str, set[int]] = defaultdict(set)
    for span in sorted(set(spans), key=lambda s: (s.start - s.end, s)):
        taken = covered[span.source]
        # longest first, so that an overlap shows at one of the span's ends
        if span.start not in taken and span.end - 1 not in taken:
            taken.update(range(span.start, span.end))
            kept.append(span)
    return tuple(sorted(kept))


def _spans_of(value: Stated, product: Product, attribute: Attribute) -> tuple[list[Span], Alignment, bool]:
    """One value's spans, how they were recognised, and whether no occurrence can be missing from them.

    Only the best rung of the ladder counts, over all sources together: an exact occurrence in the
    title makes a fuzzy one in the description moot.
    """
    annotated = _annotated(value, product)
    if annotated:
        elsewhere = (Span(s.name, o.start, o.end) for s in product.sources for o in find(value.text, s.text))
        return annotated, "exact", all(any(e.overlaps(a) for a in annotated) for e in elsewhere)
    by_rung: dict[Alignment, list[Span]] = {}
    for source in product.sources:
        for occurrence in _occurrences(value.text, source.text, attribute.unit):
            span = Span(source.name, occurrence.start, occurrence.end)
            by_rung.setdefault(occurrence.alignment, []).append(span)
    rungs: tuple[Alignment, ...] = ("exact", "normalised", "fuzzy")
    for rung in rungs:
        if rung in by_rung:
            return by_rung[rung], rung, all(s.source.casefold() in TAG_ALL for s in by_rung[rung])
    return [], "exact", False


def _annotated(value: Stated, product: Product) -> list[Span]:
    """The annotator's spans that lie within their source."""
    lengths = {source.name: len(source.text) for source in product.sources}
    return [span for span in value.spans if span.end <= lengths.get(span.source, 0)]


def _occurrences(value: str, text: str, unit: str | None) -> list[Occurrence]:
    """Where the value stands; of a bare number in an attribute with a unit, where it stands before
    the unit ("40" in "40mm"), if it does anywhere."""
    if unit and value.strip().replace(".", "").replace(",", "").isdigit():
        numbers = []
        for whole in locate(f"{value} {unit}", text):
            inner = find(value, text[whole.start : whole.end], boundaries=False)
            if inner:
                start, end = whole.start + inner[0].start, whole.start + inner[0].end
                numbers.append(Occurrence(start, end, whole.alignment))
        if numbers:
            return numbers
    return locate(value, text)
