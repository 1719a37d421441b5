"""Implicit values out of explicit ones: every mention of a value is taken out of the text (EIVEN 3).

What is left must be told from the picture, from the rest of the text, or by knowing such products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from attrex.core import Product, Source, Span, Stated
from attrex.errors import ConfigError
from attrex.normalise import surfaces
from attrex.supervision.cutting import cut, with_suffix
from attrex.supervision.sampling import labels_per_value, value_keys
from attrex.supervision.splits import title_key
from attrex.text.matching import locate

PASSES = 8
"""Cutting brings words together that may mention the value anew; after so many passes a cell is given up."""


@dataclass(frozen=True, slots=True)
class Example:
    """One attribute of one product, of which no text mentions the value. ``title`` is the key of the whole
    product's title, by which examples of one product are kept together."""

    product: Product
    title: str


@dataclass(slots=True)
class ImplicitReport:
    """``cells`` with a value; of them ``explicit`` were mentioned somewhere, ``mentions`` times in all;
    ``emptied`` had nothing left to tell the value by, ``stubborn`` still mentioned it, ``rare`` had a value
    with too few examples; ``values`` counts the examples by attribute and value."""

    cells: int = 0
    explicit: int = 0
    mentions: int = 0
    emptied: int = 0
    stubborn: int = 0
    rare: int = 0
    values: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def examples(self) -> int:
        """How many were made."""
        return sum(counter.total() for counter in self.values.values())


def make_implicit(
    products: Iterable[Product],
    *,
    attributes: Sequence[str] | None = None,
    per_value: int | None = 1000,
    at_least: int = 1,
    seed: int = 0,
) -> tuple[list[Example], ImplicitReport]:
    """An example for each filled cell of the ``attributes`` (None: all), at most ``per_value`` of a value,
    and none of a value with fewer than ``at_least``.

    The paper takes values with more than 100 instances, up to 1,000 of each. Other cells of the product are
    left out of its example: their values still stand in the text.
    """
    for name, number in (("per value", per_value), ("at least", at_least)):
        if number is not None and number < 1:
            raise ConfigError(f"{name}: {number} is below 1")
    report = ImplicitReport()
    made: list[Example] = []
    for product in products:
        made += _of(product, attributes, report)
    counts = Counter(key for example in made for key in _keys(example))
    often = [e for e in made if all(counts[key] >= at_least for key in _keys(e))]
    report.rare = len(made) - len(often)
    drawn = {p.id for p in labels_per_value([e.product for e in often], per_value, seed=seed)}
    kept = [example for example in often if example.product.id in drawn]
    for example in kept:
        for name, values in example.product.stated.items():
            report.values.setdefault(name, Counter()).update(value.text for value in values)
    return kept, report


def _of(product: Product, attributes: Sequence[str] | None, report: ImplicitReport) -> Iterator[Example]:
    title = title_key(product)
    for name, values in product.stated.items():
        if not values or (attributes is not None and name not in attributes):
            continue
        report.cells += 1
        mentions, bare = _without(product, values)
        report.explicit += mentions > 0
        report.mentions += mentions
        if bare is None:
            report.stubborn += 1
        elif not bare.sources and not bare.pictures:
            report.emptied += 1
        else:
            stated = {name: tuple(Stated(value.text) for value in values)}
            yield Example(replace(bare, id=f"{product.id}: {name}", stated=stated), title)


def _without(product: Product, values: Sequence[Stated]) -> tuple[int, Product | None]:
    """How many mentions there were, and the product without them; None where some remain."""
    ways = [way for value in values for way in surfaces(value.text)]
    mentions = 0
    for _ in range(PASSES):
        spans = {span for value in values for span in value.spans} if not mentions else set()
        spans = {s for s in spans if s.end <= len(product.text(s.source) or "")}
        spans |= {_span(source, o.start, o.end) for source in product.sources for way in ways
                  for o in locate(way, source.text)}  # fmt: skip
        if not spans:
            return mentions, product
        mentions += len(spans)
        product = cut(product, [with_suffix(span, product) for span in spans])
    return mentions, None


def _span(source: Source, start: int, end: int) -> Span:
    return Span(source.name, start, end)


def _keys(example: Example) -> list[tuple[str, str]]:
    return [(name, key) for name, values in example.product.stated.items() for key in value_keys(values)]
