"""A model whose every answer a test has written down."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from attrex.core import Answer, Attribute, Candidate, Evidence, Problem, Product, Provenance, Span
from attrex.models.interface import Traits
from attrex.text.tokeniser import Tokeniser, Tokens

Script = Callable[[Product, Attribute], Answer]


class WordTokeniser:
    """One token per word."""

    separator, padding, opening = 1, 0, ()

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        found = [[m.span() for m in re.finditer(r"\S+", text)] for text in texts]
        return [Tokens([7] * len(s), [a for a, _ in s], [b for _, b in s]) for s in found]


class Scripted:
    """Answers as ``script(window, attribute)`` says, and counts its work."""

    def __init__(self, script: Script, *, window: int | None = None) -> None:
        self._script, self._window = script, window
        self.prepared: list[Product] = []
        self.described: list[Attribute] = []

    @property
    def traits(self) -> Traits:
        return Traits(window=self._window)

    @property
    def tokeniser(self) -> Tokeniser | None:
        return None if self._window is None else WordTokeniser()

    def prepare(self, products: Sequence[Product]) -> list[Product]:
        self.prepared.extend(products)
        return list(products)

    def describe(self, attributes: Sequence[Attribute]) -> list[Attribute]:
        self.described.extend(attributes)
        return list(attributes)

    def answer(
        self,
        prepared: Sequence[Product],
        described: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        return [self._script(prepared[product], described[attribute]) for product, attribute in asks]


def word_after(marker: str, score: float = 0.9) -> Script:
    """Proposes, in every source, each word that follows the marker."""

    def script(product: Product, attribute: Attribute) -> Answer:
        found = tuple(
            Candidate(m.group(1), score, Evidence("span", Span(s.name, m.start(1), m.end(1))))
            for s in product.sources
            for m in re.finditer(rf"{marker} (\S+)", s.text)
        )
        return Answer(found, 0.05 if found else 0.95)

    return script


def failing(product: Product, attribute: Attribute) -> Answer:
    return Answer(problem=Problem("failed", "the endpoint does not answer"))


PROVENANCE = Provenance("m", "s", "n", "i", "scripted", False)
