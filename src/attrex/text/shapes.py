"""What an uncased tokeniser forgets: capitals, and where words begin.

In product titles a capital says much ("Sun Hat by Sun", "LED", "iPhone"). A token's shape is six bits,
carried in its id, ``id + size * shape``, so that nothing between tokeniser and encoder need know.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from attrex.text.sentence_pieces import Pieces
from attrex.text.tokeniser import Tokens

BITS = 6
"""Begins with a capital; all capitals, more than one letter; holds a digit; is no letter or digit; begins a
word; begins the text."""


def shape_of(text: str, start: int, end: int) -> int:
    """The bits, lowest first as in ``BITS``, of the token ``[start, end)``."""
    bits = _letters(text[start:end])
    if start == 0:
        return bits | 16 | 32
    return bits | 16 if text[start - 1].isspace() else bits


@lru_cache(maxsize=100_000)
def _letters(word: str) -> int:
    bits = 1 if word[:1].isupper() else 0
    if len(word) > 1 and word.isupper():
        bits |= 2
    if not word.isalnum():
        bits |= 8
    elif not word.isalpha():
        bits |= 4
    return bits


class ShapedPieces:
    """Pieces with their shapes in their ids."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces
        self.size = pieces.size
        self.opening = pieces.opening
        self.separator = pieces.separator
        self.padding = pieces.padding

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """As the pieces', ids apart."""
        return [
            Tokens(
                [
                    id + self.size * shape_of(text, start, end)
                    for id, start, end in zip(tokens.ids, tokens.starts, tokens.ends, strict=True)
                ],
                tokens.starts,
                tokens.ends,
            )
            for text, tokens in zip(texts, self.pieces.encode(texts), strict=True)
        ]
