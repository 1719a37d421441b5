"""Long products are read in overlapping windows; nothing is cut in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from attrex.core import Product, Source
from attrex.text.tokeniser import Tokeniser

OVERLAP = 32
"""Tokens that two neighbouring windows share: more than the longest value that a tagger emits."""
LONGEST_WORD = 100
"""Characters after which a run without white space is cut all the same (BERT reads it as unknown)."""

_PIECE = re.compile(rf"\s*\S{{1,{LONGEST_WORD}}}")


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a product, itself a product: its sources are slices of the original ones.

    ``index`` is the product's place in what was cut, ``offsets`` the first character of each slice,
    by source name, in the original text. ``edges`` names the sources whose slice begins after the
    original's beginning and those whose slice ends before its end: spans there may be halves.
    """

    product: Product
    index: int
    offsets: Mapping[str, int]
    cut_left: frozenset[str]
    cut_right: frozenset[str]


def cut(products: Sequence[Product], tokeniser: Tokeniser | None, limit: int | None) -> list[Window]:
    """Windows of at most ``limit`` tokens of ``tokeniser``, special tokens left to the model.

    A product that fits, and every product where ``limit`` is None, is one window and stays as it is.
    Windows never cut a word shorter than ``LONGEST_WORD`` and share ``OVERLAP`` tokens.
    """
    if limit is None or tokeniser is None:
        return [_whole(product, at) for at, product in enumerate(products)]
    windows: list[Window] = []
    for at, product in enumerate(products):
        # A token is at least a character: most products need no counting.
        if sum(len(s.text) + 1 for s in product.sources) <= limit:
            windows.append(_whole(product, at))
        else:
            windows += _cut_one(product, at, tokeniser, limit)
    return windows


def _whole(product: Product, index: int) -> Window:
    return Window(product, index, {}, frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class _Piece:
    source: int
    start: int
    end: int
    tokens: int


def _pieces(product: Product, tokeniser: Tokeniser) -> list[_Piece]:
    pieces: list[_Piece] = []
    for at, source in enumerate(product.sources):
        spans = [match.span() for match in _PIECE.finditer(source.text)]
        # The separator in front of a source costs a token.
        for block in range(0, len(spans), 4096):
            part = spans[block : block + 4096]
            words = [source.text[s:e] for s, e in part]
            counts: dict[str, int] = dict.fromkeys(words, 0)
            for word, tokens in zip(counts, tokeniser.encode(list(counts)), strict=True):
                counts[word] = len(tokens)
            for (start, end), word in zip(part, words, strict=True):
                first = 1 if start == spans[0][0] else 0
                pieces.append(_Piece(at, start, end, counts[word] + first))
    return pieces


def _cut_one(product: Product, index: int, tokeniser: Tokeniser, limit: int) -> list[Window]:
    pieces = _pieces(product, tokeniser)
    if sum(p.tokens for p in pieces) <= limit:
        return [_whole(product, index)]
    windows: list[Window] = []
    begin = 0
    while True:
        end, used = begin, 0
        while end < len(pieces) and (end == begin or used + pieces[end].tokens <= limit):
            used += pieces[end].tokens
            end += 1
        windows.append(_window(product, index, pieces[begin:end]))
        if end == len(pieces):
            return windows
        back, shared = end, 0
        while back - 1 > begin and shared + pieces[back - 1].tokens <= min(OVERLAP, limit // 4):
            back -= 1
            shared += pieces[back].tokens
        begin = back


def _window(product: Product, index: int, pieces: Sequence[_Piece]) -> Window:
    sources: list[Source] = []
    offsets: dict[str, int] = {}
    left: set[str] = set()
    right: set[str] = set()
    for at in dict.fromkeys(p.source for p in pieces):
        own = [p for p in pieces if p.source == at]
        source = product.sources[at]
        start, end = own[0].start, own[-1].end
        sources.append(Source(source.name, source.text[start:end]))
        offsets[source.name] = start
        if source.text[:start].strip():
            left.add(source.name)
        if source.text[end:].strip():
            right.add(source.name)
    return Window(replace(product, sources=tuple(sources)), index, offsets, frozenset(left), frozenset(right))
