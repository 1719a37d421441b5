"""Long products are read in overlapping windows; nothing is cut in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from unicodedata import normalize

from attrex.core import Product, Source
from attrex.text.tokeniser import Tokeniser

OVERLAP = 32
"""Tokens that two neighbouring windows share: more than the longest value that a tagger emits."""
LONGEST_WORD = 100
"""Characters after which a run without white space is cut all the same (BERT reads it as unknown)."""
SMALLEST = 4
"""Tokens of a window that has room for an overlap, a separator and something new."""

# Form feeds and their like are white space to Python, but BERT's tokeniser joins what they part.
_WORD = re.compile(rf"(?:\S|[\x0b\x0c\x1c-\x1f\x85]){{1,{LONGEST_WORD}}}")
_BLOCK = 4096
_REMEMBERED = 1 << 16


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a product, itself a product: its sources are slices of the original ones.

    ``index`` is the product's place in what was cut, ``offsets`` the first character of each slice,
    by source name, in the original text. ``cut_left`` names the sources whose slice begins after the
    original's first word, ``cut_right`` those whose slice ends before its last: a span that touches
    such an edge may be half a value. A slice begins and ends with a word where it was cut.
    """

    product: Product
    index: int
    offsets: Mapping[str, int]
    cut_left: frozenset[str]
    cut_right: frozenset[str]


def cut(products: Sequence[Product], tokeniser: Tokeniser | None, limit: int | None) -> list[Window]:
    """Windows of at most ``limit`` tokens of ``tokeniser``, special tokens left to the model.

    A product that fits, and every product where ``limit`` is None, is one window and stays as it is.
    Windows share at least ``OVERLAP`` tokens, or a quarter of a ``limit`` that is small. They never
    cut a word shorter than ``LONGEST_WORD`` that fits a quarter of the limit.
    """
    if limit is None or tokeniser is None:
        return [_whole(product, at) for at, product in enumerate(products)]
    if limit < SMALLEST:
        raise ValueError(f"limit is {limit}; a window needs at least {SMALLEST} tokens")
    windows: list[Window] = []
    for at, product in enumerate(products):
        # Most products are so short that they need no counting.
        if sum(_at_most(s.text) + 1 for s in product.sources) <= limit:
            windows.append(_whole(product, at))
        else:
            windows += _cut_one(product, at, tokeniser, limit)
    return windows


def _at_most(text: str) -> int:
    """No tokeniser makes more tokens of the text: one a byte, or one a character when decomposed
    ("한" is one character, and three tokens of BERT's)."""
    if text.isascii():
        return len(text)
    return max(len(text.encode("utf-8", "surrogatepass")), len(normalize("NFKD", text)))


def _whole(product: Product, index: int) -> Window:
    return Window(product, index, {}, frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word, or a part of a long one, that is not cut; ``tokens`` is what it may take at most."""

    source: int
    start: int
    end: int
    tokens: int


def _pieces(product: Product, tokeniser: Tokeniser, most: int) -> Iterator[_Piece]:
    """All pieces of ``most`` tokens or fewer; at least one a source, however empty."""
    counts: dict[str, int] = {}
    for at, source in enumerate(product.sources):
        text = source.text
        # The separator in front of a source costs a token.
        separator = 1 if at else 0
        words = _WORD.finditer(text)
        while block := [match.span() for match in islice(words, _BLOCK)]:
            _count((text[s:e] for s, e in block), tokeniser, counts)
            for start, end in block:
                for piece in _parts(text, start, end, counts, most):
                    yield _Piece(at, *piece[:2], piece[2] + separator)
                    separator = 0
        if not text or text.isspace():
            yield _Piece(at, 0, 0, separator)


def _count(words: Iterator[str], tokeniser: Tokeniser, counts: dict[str, int]) -> None:
    if len(counts) > _REMEMBERED:
        counts.clear()
    block = set(words)
    new = [word for word in block if word not in counts]
    for word, tokens in zip(new, tokeniser.encode(new), strict=True):
        counts[word] = len(tokens)


def _parts(
    text: str, start: int, end: int, counts: Mapping[str, int], most: int
) -> Iterator[tuple[int, int, int]]:
    """Start, end and tokens of what a match of ``_WORD`` is cut into: mostly the word as it is."""
    alone = not (start and _WORD.match(text, start - 1)) and not _WORD.match(text, end)
    if alone and (tokens := counts[text[start:end]]) <= most:
        yield start, end, tokens
        return
    # Beside its other half a part may be cut into other tokens than alone, so it counts by its decomposed
    # characters, at most four for one.
    step = end - start if len(normalize("NFD", text[start:end])) <= most else max(1, most // 4)
    for at in range(start, end, step):
        upto = min(at + step, end)
        yield at, upto, len(normalize("NFD", text[at:upto]))


def _cut_one(product: Product, index: int, tokeniser: Tokeniser, limit: int) -> list[Window]:
    most = max(1, limit // 4)
    edges = [(len(s.text) - len(s.text.lstrip()), len(s.text.rstrip())) for s in product.sources]
    windows: list[Window] = []
    held: list[_Piece] = []
    used = 0
    for piece in _pieces(product, tokeniser, most):
        if held and used + piece.tokens > limit:
            windows.append(_window(product, index, held, edges))
            back, used = len(held), 0
            while back > 1 and used < min(OVERLAP, most):
                back -= 1
                used += held[back].tokens
            held = held[back:]
        held.append(piece)
        used += piece.tokens
    if not windows:
        return [_whole(product, index)]
    windows.append(_window(product, index, held, edges))
    return windows


def _window(
    product: Product, index: int, pieces: Sequence[_Piece], edges: Sequence[tuple[int, int]]
) -> Window:
    sources: list[Source] = []
    offsets: dict[str, int] = {}
    left: set[str] = set()
    right: set[str] = set()
    for at in dict.fromkeys(p.source for p in pieces):
        own = [p for p in pieces if p.source == at]
        source = product.sources[at]
        first, last = edges[at]
        start = own[0].start if own[0].start > first else 0
        end = own[-1].end if own[-1].end < last else len(source.text)
        printed = tuple([part for line in source.printed if (part := line.within(start, end))])
        sources.append(Source(source.name, source.text[start:end], printed))
        offsets[source.name] = start
        if start:
            left.add(source.name)
        if end < len(source.text):
            right.add(source.name)
    return Window(replace(product, sources=tuple(sources)), index, offsets, frozenset(left), frozenset(right))
