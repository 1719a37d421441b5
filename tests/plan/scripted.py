"""Models whose work a test knows, and a clock that it winds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from attrex.cache import DiskCache
from attrex.core import Answer, Attribute, Product, Source
from attrex.models.interface import Cost, Traits
from attrex.plan import Subject
from attrex.text.reading import Reading
from attrex.text.tokeniser import WORDS, Vocabulary
from tests.cache.made import Made, Told, made

A, B = Attribute("A"), Attribute("B")
__all__ = ["A", "B", "Costing", "DiskCache", "Measured", "product", "subject"]


def product(number: int, words: int = 4) -> Product:
    return Product(str(number), None, (Source("title", " ".join([f"w{number}"] * words)),))


class Measured:
    """A model of torch without a formula: 2 * 3 * 4 FLOPs a window, 2 * 3 * 5 an ask."""

    traits = Traits(cacheable="memory", window=None)
    tokeniser: Vocabulary | None = None

    def prepare(self, products: Sequence[Product]) -> list[torch.Tensor]:
        return [torch.zeros(1, 3) @ torch.zeros(3, 4) for _ in products]

    def describe(self, attributes: Sequence[Attribute]) -> list[str]:
        return [a.name for a in attributes]

    def answer(
        self, prepared: Sequence[Any], described: Sequence[Any], asks: Sequence[tuple[int, int]]
    ) -> list[Answer]:
        for _ in asks:
            torch.zeros(1, 3) @ torch.zeros(3, 5)
        return [Answer((), 1.0) for _ in asks]


class Costing(Measured):
    """A model with a formula, tokens, and records for a disk. FLOPs: 10 a token, 100 an attribute, 7 an
    ask."""

    traits = Traits(cacheable="disk", window=8)
    tokeniser = Vocabulary([], cut=WORDS)
    record_types = (Made, Told)

    def prepare(self, products: Sequence[Product]) -> list[Made]:  # type: ignore[override]
        return [made(p.sources[0].text) for p in products]

    def cost(
        self, readings: Sequence[Reading], attributes: Sequence[Attribute], asks: Sequence[tuple[int, int]]
    ) -> Cost:
        return Cost(10.0 * sum(map(len, readings)), 100.0 * len(attributes), 7.0 * len(asks))


def subject(model: Any, ask: Sequence[Attribute] = (A, B), **more: Any) -> Subject:
    """Its pipeline prepares, describes and answers in one batch."""

    def start(stand_in: Any) -> Callable[[Sequence[Product]], None]:
        def fill(products: Sequence[Product]) -> None:
            readable = [p for p in products if p.sources]
            prepared, described = stand_in.prepare(readable), stand_in.describe(ask)
            asks = [(p, a) for p in range(len(readable)) for a in range(len(ask))]
            stand_in.answer(prepared, described, asks)

        return fill

    given: dict[str, Any] = {"name": "m", "builder": "scripted", "version": "v", "loaded": 1000, "asks": 0}
    given = {**given, "attributes": ask, "at_once": 1, **more}
    return Subject(model=model, asked=lambda p: ask, start=start, **given)
