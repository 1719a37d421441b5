"""Numbers with units as shops write them: ``40mm``, ``1 1/2 in``, ``10 x 20 x 3 cm``, ``2-3 kg``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from attrex.schema.units import WAYS, Unit, convert, find_unit

_LONGEST = 80  # characters; no quantity is longer, and a description need not be searched

_NUMBER = r"(?:\d+[ -]\d+/\d+|\d+/\d+|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)"
_UNIT = "|".join(re.escape(way).replace(r"\ ", r"\s*") for way in WAYS)


def _part(i: int) -> str:
    return rf"(?P<n{i}>[+-]?{_NUMBER})\s*(?P<u{i}>{_UNIT})?"


_FEET_AND_INCHES = re.compile(
    rf"(?P<feet>\d+)\s*(?:'|′|ft\.?|feet|foot)\s*(?P<inches>{_NUMBER})\s*(?:\"|″|''|in\.?|inch|inches)?", re.I
)
_SINGLE = re.compile(_part(0), re.I)
_RANGE = re.compile(_part(0) + r"\s*(?:-|to)\s*" + _part(1), re.I)
_PRODUCT = re.compile(
    _part(0) + r"\s*(?:x|×|\*|by)\s*" + _part(1) + rf"(?:\s*(?:x|×|\*|by)\s*{_part(2)})?",
    re.I,
)
# After a blank "in" is more often the word ("26 in black") than inches.
_LEADING = re.compile(rf"(?:[\s-]*(?P<unit>{_UNIT})(?!\w))(?<!\sin)|\s+in(?=\s*(?:[^\w\s]|$))", re.I)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number, the two ends of a range, or the sides of a thing, all in ``unit`` (None: a bare number)."""

    numbers: tuple[Decimal, ...]
    unit: Unit | None
    form: Literal["single", "range", "sides"] = "single"

    def to(self, unit: Unit) -> Quantity | None:
        """The same in another unit; a bare number is taken to be in it. None across dimensions."""
        if self.unit is None:
            return Quantity(self.numbers, unit, self.form)
        if self.unit.dimension != unit.dimension:
            return None
        return Quantity(tuple(_converted(n, self.unit, unit) for n in self.numbers), unit, self.form)

    def __str__(self) -> str:
        joint = {"single": "", "range": "-", "sides": " x "}[self.form]
        text = joint.join(_plain(n) for n in self.numbers)
        if self.unit is None:
            return text
        return f"{text}{'' if self.unit.symbol in ('%', '°') else ' '}{self.unit.symbol}"


@lru_cache(maxsize=65536)
def parse_quantity(text: str) -> Quantity | None:
    """The quantity a text *is*; None where it is anything else or anything more ("40 mm steel")."""
    if len(text) > _LONGEST or not any(c.isnumeric() for c in text):
        return None
    text = " ".join(_fractions(text).translate(_DASHES_AND_QUOTES).split())
    if match := _FEET_AND_INCHES.fullmatch(text):
        feet, inches = _decimal(match["feet"]), _decimal(match["inches"])
        inch = find_unit("in")
        return None if feet is None or inches is None else Quantity((feet * 12 + inches,), inch)
    if match := _SINGLE.fullmatch(text):
        return _assembled(match, 1, "single")
    if match := _RANGE.fullmatch(text):
        return _assembled(match, 2, "range")
    if match := _PRODUCT.fullmatch(text):
        found = _assembled(match, 3 if match["n2"] else 2, "sides")
        # "2 x 500 ml" is two bottles, not two sides.
        return found if found and (found.unit is None or found.unit.dimension == "length") else None
    return None


def leading_unit(text: str) -> tuple[Unit, int] | None:
    """The unit that a text right behind a number begins with, and where it ends; None where there is none.
    Blanks and hyphens may stand before it; "in" after a blank is a word, unless nothing follows."""
    match = _LEADING.match(text)
    unit = None if match is None else find_unit(match["unit"] or "in")
    return None if match is None or unit is None else (unit, match.end())


def _assembled(
    match: re.Match[str], parts: int, form: Literal["single", "range", "sides"]
) -> Quantity | None:
    numbers = [_decimal(match[f"n{i}"]) for i in range(parts)]
    ways = [match[f"u{i}"] for i in range(parts)]
    units = [None if way is None else find_unit(way) for way in ways]
    if any(way is not None and unit is None for way, unit in zip(ways, units, strict=True)):
        return None  # a one-letter unit in the wrong case
    last = next((unit for unit in reversed(units) if unit is not None), None)
    converted: list[Decimal] = []
    for number, unit in zip(numbers, units, strict=True):
        if number is None or (unit and last and unit.dimension != last.dimension):
            return None
        converted.append(number if unit is None or last is None else _converted(number, unit, last))
    return Quantity(tuple(converted), last, form)


def _decimal(text: str) -> Decimal | None:
    """``1,500`` is fifteen hundred (three digits after the comma), ``1,5`` and ``0,500`` are not."""
    text = text.strip()
    sign = -1 if text.startswith("-") else 1
    text = text.lstrip("+-")
    if "/" in text:
        whole, _, fraction = text.replace("-", " ").rpartition(" ")
        above, below = fraction.split("/")
        if int(below) == 0:
            return None
        return sign * _rounded(Decimal(whole or 0) + Decimal(above) / Decimal(below))
    if "," in text:
        thousands = re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", text)
        text = text.replace(",", "") if thousands else text.replace(",", ".")
    return sign * Decimal(text)


def _converted(number: Decimal, unit: Unit, to: Unit) -> Decimal:
    return number if unit == to else _rounded(convert(number, unit, to))


def _rounded(number: Decimal) -> Decimal:
    """To six significant digits, so that conversions back and forth agree; what was written stays."""
    return Decimal(f"{number:.6g}")


def _plain(number: Decimal) -> str:
    """No exponent, no trailing zeros."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


_DASHES_AND_QUOTES = str.maketrans("‐‑‒–—−“”’‘", "------\"\"''")
_VULGAR = re.compile("(\\d?)([¼-¾⅐-⅞])")


def _fractions(text: str) -> str:
    """``1½`` -> ``1 1/2``."""
    return _VULGAR.sub(
        lambda m: (f"{m[1]} " if m[1] else "") + unicodedata.normalize("NFKC", m[2]).replace("⁄", "/"), text
    )
