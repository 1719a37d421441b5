"""However many attributes a product is asked, a model is given bounded parts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from attrex.core import Answer, Attribute, Extraction, Product, Source
from attrex.extract import Pipeline, Request
from attrex.extract import pipeline as pipelines
from attrex.models.interface import Traits
from attrex.normalise import Normaliser
from attrex.resolve import Policy, Resolver
from attrex.schema import Schema
from tests.extract.scripted import Scripted, word_after


class Counting(Scripted):
    """Remembers how many asks it was given at once, and of how many products."""

    def __init__(self, *, window: int | None = None, joint: bool = False) -> None:
        super().__init__(word_after("in"), window=window)
        self.joint, self.asked = joint, list[tuple[int, int]]()

    @property
    def traits(self) -> Traits:
        return Traits(window=self._window, joint=self.joint)

    def answer(
        self, prepared: Sequence[Product], described: Sequence[Attribute], asks: Sequence[tuple[int, int]]
    ) -> list[Answer]:
        self.asked.append((len(asks), len(prepared)))
        return super().answer(prepared, described, asks)


def counted(model: Counting, requests: Sequence[Request]) -> list[tuple[Extraction, ...]]:
    made = Pipeline(model, Schema(), Resolver(Policy(), Normaliser()), stage="", version="")
    return [result.extractions for result in made.run(requests)]


@pytest.mark.parametrize("window", [None, 40])
def test_thousands_of_attributes_are_asked_in_bounded_parts(
    window: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes = tuple(Attribute(f"A{number}") for number in range(30))
    text = " ".join(["word"] * 60 + ["in", "blue"])
    requests = [Request(Product(str(at), sources=(Source("title", text),)), attributes) for at in range(20)]
    expected = counted(Counting(window=window), requests)
    monkeypatch.setattr(pipelines, "ASKS", 50)
    model = Counting(window=window)
    assert counted(model, requests) == expected
    asks, products = zip(*model.asked, strict=True)
    assert max(asks) == 50
    assert max(products) <= 2 * (1 if window is None else 3)
    together = Counting(window=window, joint=True)
    assert counted(together, requests) == expected
    assert {number % 30 for number, _ in together.asked} == {0}  # no product's asks were parted
