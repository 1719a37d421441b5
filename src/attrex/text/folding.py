"""Texts made comparable, with the way back to the original characters.

Folding is Unicode compatibility decomposition, casefolding, removal of diacritics, and one form each for
dashes, quotes and runs of white space. Trade mark signs count as white space, soft hyphens and zero-width
characters as nothing. A character may fold to several ("ß" to "ss") or to none; ``Folded.origin``
knows. HTML entities are left alone: decoding them is the reader's work.
"""

from __future__ import annotations

import unicodedata
from array import array
from dataclasses import dataclass
from functools import lru_cache

SHORT = 1024
"""Of texts up to this many characters thousands are kept folded; of longer ones, those just asked for."""

_ONE_FORM = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\uff0d", "-"),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`\u02b9\u02bc\uff07", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u02ba\uff02", '"'),
    **dict.fromkeys("\u2122\u2120\u00ae\u00a9", " "),  # "Nike™" is "nike", not "niketm"
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff\u200e\u200f", ""),
    "\u00d7": "x",
    "\u2044": "/",
    "\u2215": "/",
}

# Diacritics proper. Marks that make another letter (kana voicing, Indic vowels, Hebrew points) stay.
_MARKS = (
    (0x0300, 0x0370),
    (0x1AB0, 0x1B00),
    (0x1DC0, 0x1E00),
    (0x20D0, 0x2100),
    (0xFE00, 0xFE10),
    (0xFE20, 0xFE30),
)


def _is_mark(character: str) -> bool:
    point = ord(character)
    return point >= 0x0300 and any(low <= point < high for low, high in _MARKS)


@lru_cache(maxsize=65536)
def _fold_character(character: str) -> str:
    if character in _ONE_FORM:
        return _ONE_FORM[character]
    cased = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    parts = (_ONE_FORM.get(c, c) for c in cased if not _is_mark(c))
    return "".join(" " if p.isspace() else p for p in parts)


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text. ``_starts`` and ``_ends`` hold each folded character's original
    ``[start, end)``; both are empty where folding kept every position."""

    text: str
    _starts: array[int]
    _ends: array[int]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The original ``[start, end)`` of the folded, non-empty ``[start, end)``."""
        if not 0 <= start < end <= len(self.text):
            raise ValueError(f"[{start}, {end}) is no range within {len(self.text)} folded characters")
        if not self._starts:
            return start, end
        return self._starts[start], self._ends[end - 1]


def _fold(text: str) -> Folded:
    if text.isascii() and "`" not in text:
        lowered = text.lower()
        if " ".join(lowered.split()) == lowered.strip(" ") and "  " not in lowered:
            return Folded(lowered, array("I"), array("I"))
    out: list[str] = []
    starts, ends = array("I"), array("I")
    for at, character in enumerate(text):
        folded = _fold_character(character)
        if not folded and ends and _is_mark(character):
            ends[-1] = at + 1  # the accent belongs to the letter before it
        for piece in folded:
            if piece == " " and out and out[-1] == " ":
                ends[-1] = at + 1
                continue
            out.append(piece)
            starts.append(at)
            ends.append(at + 1)
    return Folded("".join(out), starts, ends)


_fold_short = lru_cache(maxsize=8192)(_fold)
_fold_long = lru_cache(maxsize=6)(_fold)


def fold(text: str) -> Folded:
    """The text folded, with the way back."""
    return _fold_short(text) if len(text) <= SHORT else _fold_long(text)


def fold_text(text: str) -> str:
    """The text folded, without outer white space: a key to compare values by."""
    return fold(text).text.strip()
