"""What a language model reads of a product and of a question, piece by piece.

Two orders (EIVEN 2.2). "question-first" is the paper's: picture, question, text. In "text-first", picture,
text, question, all questions of a product begin alike, so that the beginning is read once for all.

A picture's tokens stand as numbers below nought: ``placeholder``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from attrex.core import Attribute
from attrex.text.causal_pieces import CausalPieces
from attrex.text.reading import Reading

Order = Literal["text-first", "question-first"]
LONGEST = 64
"""Pieces of a question that are read at most."""


def placeholder(token: int) -> int:
    """What stands for the picture token of that number."""
    return -1 - token


def question(attribute: Attribute) -> str:
    """The paper's (2, Figure 3), and the description where there is one."""
    asked = f"What is the {attribute.name} of this product?"
    return f"{asked} {attribute.description}" if attribute.description else asked


class Prompts:
    """A tokeniser's pieces in an order."""

    def __init__(self, pieces: CausalPieces, order: Order) -> None:
        self._pieces, self.order = pieces, order
        self._answer, self._first, self._second = pieces.phrases(
            ["Answer:", "First product:", "Second product:"]
        )

    def questions(self, texts: Sequence[str]) -> list[list[int]]:
        """Of a long one its first ``LONGEST`` pieces."""
        return [ids[:LONGEST] for ids in self._pieces.phrases([f"Question: {text}" for text in texts])]

    def answers(self, texts: Sequence[str]) -> list[list[int]]:
        """As they are written, without the end."""
        return self._pieces.phrases(texts)

    def shared(self, readings: Sequence[Reading], pictures: Iterable[int]) -> list[int]:
        """What all questions of a product, or of two that are compared, begin with. ``pictures``: the numbers
        of the picture tokens."""
        begin = [*self._pieces.opening, *map(placeholder, pictures)]
        return begin + self._texts(readings) if self.order == "text-first" else begin

    def own(self, readings: Sequence[Reading], question: Sequence[int]) -> list[int]:
        """What follows of one question, up to where its answer begins."""
        texts = [] if self.order == "text-first" else self._texts(readings)
        return [*question, *texts, *self._answer]

    def _texts(self, readings: Sequence[Reading]) -> list[int]:
        separator = self._pieces.separator
        if len(readings) == 1:
            (reading,) = readings
            return [*reading.prefix, *reading.ids, separator]
        ids: list[int] = []
        for name, reading in zip((self._first, self._second), readings, strict=True):
            ids += [*name, *reading.prefix, *reading.ids, separator]
        return ids
