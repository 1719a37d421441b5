"""A table's filled cells -> the schema they imply, in one pass and bounded memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from attrex.core import Attribute, Product
from attrex.schema.quantity import parse_quantity
from attrex.schema.schema import Schema
from attrex.schema.units import Unit, find_unit

_DISTINCT = 5_000  # different cells kept per attribute; the rarer half is forgotten when it gets more
_LONGEST = 200  # characters; a longer cell is prose and says nothing about delimiters, units or examples
_EXAMPLES = 10
_EXAMPLE_LONGEST = 60
_QUANTITIES = 0.8  # so many of the cells must be quantities for the attribute to have a unit
_ALIKE = 0.9  # so many of them must be of one dimension
_SEVERAL = 0.01  # so large a share of products must have several values; fewer are slips of annotators
_SPLIT_CELLS = 3  # so many cells must hold the delimiter, and
_SPLIT_SHARE = 0.02  # so large a share of them, before it is believed

# Each delimiter with the share of its parts that must recur in other cells: a semicolon is hardly
# ever part of a value, a comma or a slash often is ("Salt, coarse", "S/M").
_DELIMITERS = ((";", 0.3), ("|", 0.3), (",", 0.6), ("/", 0.8))

_UNIT_IN_NAME = re.compile(r"[(\[]\s*([^()\[\]]{1,12})\s*[)\]]\s*$|(?:_|,\s*|\s+in\s+)([^\s_,]{1,12})$")


def infer_schema(
    products: Iterable[Product], *, names: Sequence[str] = (), delimiters: Mapping[str, str] | None = None
) -> Schema:
    """The attributes stated anywhere, all of them common to every category.

    ``names`` come first and are kept even where nothing is stated; ``delimiters``: by attribute, at which
    cells were cut already, so that these have several values. Inferred are: whether a cell holds
    several values and its delimiter, the unit, and the most frequent values as examples. Allowed values
    never are: that a value has not been seen does not forbid it.
    """
    columns: dict[str, _Column] = {name: _Column() for name in names}
    for product in products:
        for name, values in product.stated.items():
            column = columns.setdefault(name, _Column())
            column.filled += bool(values)
            column.several += len(values) > 1
            for value in values:
                column.add(value.text.strip())
    known = delimiters or {}
    return Schema(column.attribute(name, known.get(name)) for name, column in columns.items())


@dataclass(slots=True)
class _Column:
    filled: int = 0  # products with a value, and
    several: int = 0  # with more than one
    cells: Counter[str] = field(default_factory=Counter)

    def add(self, text: str) -> None:
        if not text or len(text) > _LONGEST:
            return
        self.cells[text] += 1
        if len(self.cells) > _DISTINCT:
            self.cells = Counter(dict(self.cells.most_common(_DISTINCT // 2)))

    def attribute(self, name: str, cut: str | None = None) -> Attribute:
        unit, quantities = self._unit(name)
        many = cut is not None or (self.several > 0 and self.several >= _SEVERAL * self.filled)
        delimiter = None if many or quantities else self._delimiter()
        return Attribute(
            name,
            unit=unit,
            many=many or delimiter is not None,
            examples=self._examples(delimiter),
            delimiter=delimiter if cut is None else cut,
        )

    def _unit(self, name: str) -> tuple[str | None, bool]:
        """The unit, and whether the cells are quantities at all."""
        found: Counter[Unit] = Counter()
        parsed = 0
        for text, count in self.cells.items():
            if quantity := parse_quantity(text):
                parsed += count
                if quantity.unit is not None:
                    found[quantity.unit] += count
        total = self.cells.total()
        quantities = total > 0 and parsed >= _QUANTITIES * total
        match = _UNIT_IN_NAME.search(name)
        named = find_unit(match[1] or match[2]) if match else None
        if named is not None and (quantities or not total):
            return named.symbol, quantities
        if not quantities or found.total() < total / 2:
            return None, quantities
        unit = found.most_common(1)[0][0]
        alike = sum(count for other, count in found.items() if other.dimension == unit.dimension)
        # "8 oz" beside "12 pieces": neither is the unit of both.
        return (unit.symbol if alike >= _ALIKE * found.total() else None), True

    def _delimiter(self) -> str | None:
        for mark, recurring in _DELIMITERS:
            parts: Counter[str] = Counter()
            held = spaced = 0
            for text, count in self.cells.items():
                pieces = [piece.strip().casefold() for piece in _split(text, mark)]
                parts.update(dict.fromkeys(filter(None, pieces), 1))
                if len(pieces) > 1 and all(pieces):
                    held += count
                    spaced += count if f"{mark} " in text else 0
            if held < max(_SPLIT_CELLS, _SPLIT_SHARE * self.cells.total()):
                continue
            divided = [
                parts[piece.strip().casefold()]
                for text in self.cells
                if len(pieces := _split(text, mark)) > 1
                for piece in pieces
            ]
            # Different cells, not repetitions of one: a part recurs where two different cells hold it.
            if sum(count > 1 for count in divided) >= recurring * len(divided):
                return f"{mark} " if spaced > held / 2 else mark
        return None

    def _examples(self, delimiter: str | None) -> tuple[str, ...]:
        ways: dict[str, Counter[str]] = {}
        for text, count in self.cells.items():
            for piece in _split(text, delimiter.strip()) if delimiter else [text]:
                if 0 < len(value := piece.strip()) <= _EXAMPLE_LONGEST:
                    ways.setdefault(value.casefold(), Counter())[value] += count
        # Ties go to the value met first, so that the schema depends on nothing but the table.
        frequent = sorted(ways.values(), key=lambda spelled: -spelled.total())[:_EXAMPLES]
        return tuple(spelled.most_common(1)[0][0] for spelled in frequent)


def _split(text: str, mark: str) -> list[str]:
    """At the mark, but for a comma or slash between digits: 1,000 and 3/4 are one number each."""
    if mark in ",/":
        return re.split(rf"(?<!\d){mark}|{mark}(?!\d)", text)
    return text.split(mark)
