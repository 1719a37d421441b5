"""Surface value -> canonical value, and which values contradict each other."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import cached_property

from attrex.core import Attribute, content_hash
from attrex.normalise.folding import contains, joined, tokens
from attrex.schema.quantity import Quantity, parse_quantity
from attrex.schema.units import WAYS, Unit, find_unit

_RULES = 2  # to be raised whenever a rule below changes what comes out
_TOLERANCE = Decimal("0.02")  # between two units: 4 in is sold as 10 cm
_EDGES = " ,;:·•|"
_QUOTES = re.compile("([\"“”„«'‘])(.+)([\"”“»'’])")
_SHORT_FORM = re.compile(r"(.+?)\s*\(([^()]+)\)")


def surfaces(value: str) -> tuple[str, ...]:
    """The ways an allowed value may be written: "Extra small (XS)" is also "Extra small" and "XS"."""
    match = _SHORT_FORM.fullmatch(value.strip())
    return tuple(dict.fromkeys((value, match[1], match[2]))) if match else (value,)


class Normaliser:
    """Rules that need nothing but the attribute; the same everywhere and in every run.

    ``version`` is a content hash of the rules and the unit table. Lookups are prepared once an attribute.
    """

    def __init__(self) -> None:
        self._prepared: dict[Attribute, _Lookup] = {}

    @cached_property
    def version(self) -> str:
        """Content hash; another version may give other canonical values."""
        units = [[way, unit.symbol, str(unit.factor), str(unit.offset)] for way, unit in _ways()]
        return content_hash({"rules": _RULES, "units": units})

    def canonical(self, text: str, attribute: Attribute) -> str:
        """The one way to write this value.

        In this order: an allowed value that is the same but for its writing (or the same quantity); a
        number in ``attribute.unit``; an example that is the same but for its writing; a number with a
        unit of its own, spaced as usual ("40mm" -> "40 mm"); else the text, tidied of white space and quotes.
        A value that is not among the allowed ones is kept: whether it is refused is not decided here.
        """
        clean = _tidied(text)
        if not clean:
            return ""
        lookup = self._lookup(attribute)
        if (allowed := lookup.allowed(clean)) is not None:
            return allowed
        quantity = lookup.measured(clean)
        if quantity is not None and quantity.unit is not None and quantity.unit == lookup.unit:
            return str(quantity)
        if (example := lookup.examples.get(tokens(clean))) is not None:
            return example
        # A bare number may be a part number: it stays as it is.
        return clean if quantity is None or quantity.unit is None else str(quantity)

    def compatible(self, a: str, b: str, attribute: Attribute) -> bool:
        """Whether both can be true of one product: the same but for their writing or unit, or one
        more exact than the other ("navy", "navy blue"). Two different allowed values are not, though
        one contains the other: whoever lists both tells them apart."""
        one, other = self.canonical(a, attribute), self.canonical(b, attribute)
        if one == other:
            return True
        lookup = self._lookup(attribute)
        if one in lookup.values and other in lookup.values:
            return False
        # As written, not as converted: only then is it known what has been rounded.
        left, right = parse_quantity(_tidied(a)), parse_quantity(_tidied(b))
        if left is not None and right is not None:
            return _same_quantity(left, right, lookup.unit)
        first, second = tokens(one), tokens(other)
        if contains(first, second) or contains(second, first):
            return True
        return bool(first) and joined(first) == joined(second)

    def _lookup(self, attribute: Attribute) -> _Lookup:
        found = self._prepared.get(attribute)
        if found is None:
            found = self._prepared[attribute] = _Lookup(attribute)
        return found


class _Lookup:
    """What one attribute's values and examples look like without their writing."""

    def __init__(self, attribute: Attribute) -> None:
        self.unit: Unit | None = find_unit(attribute.unit) if attribute.unit else None
        self.values = frozenset(attribute.values)
        self._exact = {" ".join(value.split()): value for value in reversed(attribute.values)}
        # Full writings first: a short form never takes a place from a value of that very name.
        written = [(value, value) for value in attribute.values]
        written += [(way, value) for value in attribute.values for way in surfaces(value)[1:]]
        self._folded: dict[tuple[str, ...], str] = {}
        self._measured: dict[tuple[tuple[Decimal, ...], str | None, str], str] = {}
        for way, value in written:
            self._folded.setdefault(tokens(way), value)
            if (quantity := self.measured(way)) is not None:
                self._measured.setdefault(_key(quantity), value)
        self._folded.pop((), None)
        self._joined: dict[str, str] = {}
        for words, value in self._folded.items():
            self._joined.setdefault(joined(words), value)
        self.examples: dict[tuple[str, ...], str] = {}
        for example in attribute.examples:
            self.examples.setdefault(tokens(example), " ".join(example.split()))
        self.examples.pop((), None)

    def allowed(self, clean: str) -> str | None:
        """The allowed value written so, or None."""
        if not self.values:
            return None
        if (exact := self._exact.get(clean)) is not None:
            return exact
        if (quantity := self.measured(clean)) is not None:
            found = self._measured.get(_key(quantity))
            return found if found is not None else self._folded.get(tokens(clean))
        words = tokens(clean)
        return self._folded.get(words) or self._joined.get(joined(words))

    def measured(self, clean: str) -> Quantity | None:
        """The quantity, in the attribute's unit where it has one of that dimension."""
        quantity = parse_quantity(clean)
        if quantity is None or self.unit is None:
            return quantity
        return quantity.to(self.unit) or quantity


def _key(quantity: Quantity) -> tuple[tuple[Decimal, ...], str | None, str]:
    return quantity.numbers, quantity.unit.symbol if quantity.unit else None, quantity.form


def _same_quantity(a: Quantity, b: Quantity, unit: Unit | None) -> bool:
    """Equal numbers in one unit; nearly equal ones across two. A bare number is in ``unit``, if any."""
    if unit is not None:
        a, b = (q.to(unit) or q if q.unit is None else q for q in (a, b))
    if a.form != b.form or len(a.numbers) != len(b.numbers):
        return False
    if a.unit is None or b.unit is None or a.unit == b.unit:
        return a.numbers == b.numbers
    if (converted := b.to(a.unit)) is None:
        return False
    pairs = zip(a.numbers, converted.numbers, strict=True)
    return all(abs(x - y) <= _TOLERANCE * max(abs(x), abs(y)) for x, y in pairs)


def _tidied(text: str) -> str:
    """Composed characters, single spaces, nothing around the value that is not part of it."""
    text = " ".join(unicodedata.normalize("NFC", text).split()).strip(_EDGES)
    # Only quotes on both sides: one at the end may be an inch mark.
    while match := _QUOTES.fullmatch(text):
        text = match[2].strip(_EDGES)
    return text


def _ways() -> list[tuple[str, Unit]]:
    return [(way, unit) for way in sorted(WAYS) if (unit := find_unit(way)) is not None]
