"""Where a value stands in a text: exactly, in another spelling, or with a slip of the pen.

``find`` compares folded texts on word boundaries, allowing the suffixes of plural and possessive ("Men" in
"Men's" and "Mens"; "M" is not in "Metal", "5" is not in "1.5"). ``locate`` goes on, where nothing was
found, to other spellings ("40 mm" and "40mm", "T-Shirt" and "t shirt", "inch" and '"') and last to
typing errors, strictly. ``Matcher`` looks for many values at once. All positions are code points of the
original text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import ahocorasick
from rapidfuzz import process
from rapidfuzz.distance import OSA

from attrex.core import Alignment
from attrex.text.folding import SHORT, Folded, fold, fold_text

_SUFFIXES = ("'s", "s'", "es", "s")
_SHORTEST_WITH_SUFFIX = 3  # "M" is not in "Ms"

_UNITS = {
    name: unit
    for unit, names in {
        "mm": "millimeter millimeters millimetre millimetres",
        "cm": "centimeter centimeters centimetre centimetres",
        "m": "meter meters metre metres",
        "in": 'inch inches "',
        "ft": "foot feet",
        "yd": "yard yards yds",
        "g": "gram grams gr gm gms",
        "kg": "kilogram kilograms kilo kilos kgs",
        "mg": "milligram milligrams",
        "oz": "ounce ounces",
        "lb": "pound pounds lbs",
        "l": "liter liters litre litres ltr",
        "ml": "milliliter milliliters millilitre millilitres",
        "gal": "gallon gallons",
        "w": "watt watts",
        "v": "volt volts",
        "ct": "count counts cnt",
        "pc": "pcs piece pieces",
        "pk": "pack packs",
        "h": "hour hours hr hrs",
        "min": "minute minutes mins",
        "gb": "gigabyte gigabytes",
        "tb": "terabyte terabytes",
        "mb": "megabyte megabytes",
        "%": "percent",
    }.items()
    for name in names.split()
}

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|\.\d+|[^\W\d_]+|[\"%#+]")
_NUMBER = re.compile(r"\d[\d.,]*|\.\d+")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """``[start, end)`` in the original text, and how the value was recognised there."""

    start: int
    end: int
    alignment: Alignment = "exact"


@dataclass(frozen=True, slots=True)
class Match:
    """One of a matcher's values (``index``) at ``[start, end)`` of the original text."""

    index: int
    start: int
    end: int


def find(value: str, text: str, *, boundaries: bool = True) -> list[Occurrence]:
    """Every folded occurrence of the value, from left to right, without overlaps.

    Without ``boundaries`` inside words too. A value that folds to nothing is nowhere.
    """
    needle, folded = fold_text(value), fold(text)
    found: list[Occurrence] = []
    at = folded.text.find(needle) if needle else -1
    while at >= 0:
        end = at + len(needle)
        if not boundaries or _stands_free(folded.text, at, end):
            found.append(Occurrence(*folded.origin(at, end)))
            at = folded.text.find(needle, end)
        else:
            at = folded.text.find(needle, at + 1)
    return found


def locate(value: str, text: str) -> list[Occurrence]:
    """The occurrences on the first rung of the ladder that has any: exact, normalised, fuzzy."""
    return find(value, text) or _find_respelt(value, text) or _find_misspelt(value, text)


# --- word boundaries ---


def _is_spaced(character: str) -> bool:
    """Whether the character belongs to a script that puts spaces between words."""
    point = ord(character)
    return character.isalnum() and not (
        0x0E00 <= point < 0x0EE0  # Thai, Lao
        or 0x1100 <= point < 0x1200  # Hangul, decomposed; particles follow without a space
        or 0x2E80 <= point < 0xA000  # kana and ideographs
        or 0xF900 <= point < 0xFB00
        or point >= 0x20000
    )


def _starts_free(text: str, start: int) -> bool:
    if start == 0:
        return True
    first, before = text[start], text[start - 1]
    if _is_spaced(first) and _is_spaced(before):
        return False
    if before in ".," and first.isdigit():  # "5" is not in "1.5"
        return not (start >= 2 and text[start - 2].isdigit())
    return True


def _ends_free(text: str, end: int) -> bool:
    if end == len(text):
        return True
    last, after = text[end - 1], text[end]
    if _is_spaced(last) and _is_spaced(after):
        return False
    if after in ".," and last.isdigit():  # "1" is not in "1.5"
        return not (end + 1 < len(text) and text[end + 1].isdigit())
    return True


def _stands_free(text: str, start: int, end: int) -> bool:
    """Whether folded ``[start, end)`` begins at a word's start and ends at its end or at a suffix."""
    if not _starts_free(text, start):
        return False
    if _ends_free(text, end):
        return True
    if end - start < _SHORTEST_WITH_SUFFIX or not text[end - 1].isalpha():
        return False
    return any(text.startswith(s, end) and _ends_free(text, end + len(s)) for s in _SUFFIXES)


# --- other spellings ---


@dataclass(frozen=True, slots=True)
class _Words:
    """A folded text's words and numbers in canonical spelling, with folded positions; and all words
    in one, numbers kept apart from numbers."""

    words: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    squashed: str


def _number(written: str) -> str:
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", written):
        written = written.replace(",", "")
    written = written.replace(",", ".")
    if written.count(".") == 1:
        whole, decimals = written.split(".")
        decimals = decimals.rstrip("0")
        return f"{whole or '0'}.{decimals}" if decimals else whole or "0"
    return written


def _singular(word: str) -> str:
    return word[:-1] if len(word) > _SHORTEST_WITH_SUFFIX and word.endswith("s") and word[-2] != "s" else word


def _read_words(folded: str) -> _Words:
    words: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    after_number = False
    for match in _TOKEN.finditer(folded):
        word = match.group()
        is_number = _NUMBER.fullmatch(word) is not None
        if word == "s" and ends and folded[ends[-1] : match.start()] == "'":
            ends[-1] = match.end()  # "men's" is one word, and its singular is "men"
            continue
        if word == '"' and not after_number:
            continue
        if is_number:
            words.append(_number(word))
        elif after_number and word in _UNITS:
            words.append(_UNITS[word])
        else:
            words.append(_singular(word))
        starts.append(match.start())
        ends.append(match.end())
        after_number = is_number
    return _Words(tuple(words), tuple(starts), tuple(ends), "".join(_apart(words)))


def _apart(words: Sequence[str]) -> Iterator[str]:
    before = ""
    for word in words:
        yield f" {word}" if before[-1:].isdigit() and word[0].isdigit() else word
        before = word


_read_short = lru_cache(maxsize=8192)(_read_words)
_read_long = lru_cache(maxsize=2)(_read_words)


def _words(folded: str) -> _Words:
    return _read_short(folded) if len(folded) <= SHORT else _read_long(folded)


def _find_respelt(value: str, text: str) -> list[Occurrence]:
    folded = fold(text)
    needle = _words(fold_text(value))
    if not needle.words:
        return []
    found = _find_words(needle, folded) or _find_squashed(needle, folded)
    if not found:
        return _find_glued(value, text)
    return [Occurrence(*folded.origin(start, end), "normalised") for start, end in found]


def _find_words(needle: _Words, folded: Folded) -> list[tuple[int, int]]:
    """The same words in the same order, whatever stands between them in the way of punctuation."""
    hay, wanted = _words(folded.text), needle.words
    found: list[tuple[int, int]] = []
    at, size = 0, len(wanted)
    while at + size <= len(hay.words):
        if hay.words[at] == wanted[0] and hay.words[at : at + size] == wanted:
            start, end = hay.starts[at], hay.ends[at + size - 1]
            if _starts_free(folded.text, start) and _ends_free(folded.text, end):
                found.append((start, end))
                at += size
                continue
        at += 1
    return found


def _find_squashed(needle: _Words, folded: Folded) -> list[tuple[int, int]]:
    """Compounds written apart, together or with a hyphen: "water proof", "Waterproof"."""
    wanted, hay = needle.squashed, _words(folded.text)
    if len(wanted) < 4 or wanted not in hay.squashed:
        return []
    ends = list(accumulate(map(len, _apart(hay.words))))
    first_at = {end - len(word): index for index, (end, word) in enumerate(zip(ends, hay.words, strict=True))}
    last_at = {end: index for index, end in enumerate(ends)}
    found: list[tuple[int, int]] = []
    at = hay.squashed.find(wanted)
    while at >= 0:
        first, last = first_at.get(at), last_at.get(at + len(wanted))
        step = 1
        if first is not None and last is not None:
            start, end = hay.starts[first], hay.ends[last]
            if _starts_free(folded.text, start) and _ends_free(folded.text, end):
                found.append((start, end))
                step = len(wanted)
        at = hay.squashed.find(wanted, at + step)
    return found


_SHORTEST_GLUED, _SHORTEST_CODE = 3, 6
_AFTER_MEASURE = re.compile(r"(?:x(?=\d)|[wdhl](?![a-z\d]))", re.IGNORECASE)
_BEFORE_MEASURE = re.compile(r"\d[a-z\"]{0,3} ?x$", re.IGNORECASE)


def _find_glued(value: str, text: str) -> list[Occurrence]:
    """Values whose neighbour lost its space, as texts taken from web pages often show ("BlackUPC: 0952",
    "106R01409UPC"), and measures in a row ("8x10", "18w x 30d")."""
    return [
        Occurrence(o.start, o.end, "normalised")
        for o in find(value, text, boundaries=False)
        if _starts_glued(text, o) and _ends_glued(text, o)
    ]


def _starts_glued(text: str, at: Occurrence) -> bool:
    if _starts_free(text, at.start):
        return True
    first, before = text[at.start], text[at.start - 1]
    if first.isdigit():
        return _BEFORE_MEASURE.search(text, max(0, at.start - 6), at.start) is not None
    return before.islower() and first.isupper() and at.end - at.start >= _SHORTEST_GLUED


def _ends_glued(text: str, at: Occurrence) -> bool:
    if _ends_free(text, at.end):
        return True
    last, after, length = text[at.end - 1], text[at.end], at.end - at.start
    if last.isdigit():
        return _AFTER_MEASURE.match(text, at.end) is not None or (
            after.isupper() and length >= _SHORTEST_CODE
        )
    return last.islower() and after.isupper() and length >= _SHORTEST_GLUED


# --- typing errors ---

_SHORTEST_FUZZY = 7  # "black" is not "back", "creamy" not "cream"
_SHORTEST_SUBSTITUTION = 8  # below, one wrong letter makes another word: "winter", "winner"
_SHORTEST_TWO_ERRORS = 14

_WORD = re.compile(r"[^\s,;:!?()\[\]]+?(?=\.?(?:[\s,;:!?()\[\]]|$))")


def _is_slip(word: str, other: str) -> bool:
    """Whether two words at most two errors apart differ by typing errors and not in meaning."""
    if word == other:
        return True
    if max(len(word), len(other)) < _SHORTEST_FUZZY or word[0] != other[0] or not (word + other).isalpha():
        return False  # "HB-18" is not "HB-18Z", "mm" is not "m"
    if len(word) >= _SHORTEST_SUBSTITUTION:
        return True
    return len(word) != len(other) or sorted(word) == sorted(other)  # left out, doubled or swapped


def _find_misspelt(value: str, text: str) -> list[Occurrence]:
    needle = fold_text(value)
    words = needle.split(" ")
    if all(len(word) < _SHORTEST_FUZZY - 1 for word in words):
        return []
    errors = 2 if len(needle) >= _SHORTEST_TWO_ERRORS else 1
    folded = fold(text)
    places = [match.span() for match in _WORD.finditer(folded.text)]
    windows = [
        (first[0], last[1])
        for first, last in zip(places, places[len(words) - 1 :], strict=False)
        if folded.text[first[0]] == needle[0] and abs(last[1] - first[0] - len(needle)) <= errors
    ]
    texts = [folded.text[start:end] for start, end in windows]
    found: list[tuple[int, int]] = []
    for window, _, index in process.extract_iter(needle, texts, scorer=OSA.distance, score_cutoff=errors):
        others = window.split(" ")
        alike = len(others) == len(words) and all(map(_is_slip, words, others))
        if alike and (not found or found[-1][1] <= windows[index][0]):
            found.append(windows[index])
    return [Occurrence(*folded.origin(start, end), "fuzzy") for start, end in found]


# --- many values at once ---


class Matcher:
    """Finds many values in one pass over a text, as ``find`` finds one.

    Where matches overlap the longest wins, then the leftmost. Of values that fold to the same text the first
    stands for all (``index``).
    """

    def __init__(self, values: Sequence[str]) -> None:
        self._automaton = ahocorasick.Automaton()
        self._size = 0
        for index, value in enumerate(values):
            key = fold_text(value)
            if key and key not in self._automaton:
                self._automaton.add_word(key, (index, len(key)))
                self._size += 1
        if self._size:
            self._automaton.make_automaton()

    def __len__(self) -> int:
        return self._size

    def matches(self, text: str) -> list[Match]:
        """From left to right, without overlaps."""
        if not self._size:
            return []
        folded = fold(text)
        hits = [
            (length, last + 1 - length, index)
            for last, (index, length) in self._automaton.iter(folded.text)
            if _stands_free(folded.text, last + 1 - length, last + 1)
        ]
        hits.sort(key=lambda hit: (-hit[0], hit[1]))
        taken: list[tuple[int, int, int]] = []
        covered = bytearray(len(folded.text))
        for length, start, index in hits:
            end = start + length
            # no shorter match is covered yet, so an overlap shows at one of the two ends
            if not (covered[start] or covered[end - 1]):
                covered[start:end] = b"\1" * length
                taken.append((start, end, index))
        return [Match(index, *folded.origin(start, end)) for start, end, index in sorted(taken)]
