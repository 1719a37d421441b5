"""A model whose work is timed by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from attrex.core import Answer, Attribute, Product
from attrex.models.interface import Described, Model, Prepared, Traits
from attrex.text.tokeniser import Tokeniser


class Stopwatch:
    """A ``Model`` around another; ``seconds`` holds what each step has taken so far, in all threads that
    were at it."""

    def __init__(self, model: Model, clock: Callable[[], float] = time.perf_counter) -> None:
        self._model, self._clock, self._lock = model, clock, Lock()
        self.seconds: dict[str, float] = {}
        self.reset()

    def reset(self) -> None:
        """Begins again at nothing."""
        self.seconds = {"prepare": 0.0, "describe": 0.0, "answer": 0.0}

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Adds to the step."""
        begun = self._clock()
        yield
        took = self._clock() - begun
        with self._lock:
            self.seconds[step] = self.seconds.get(step, 0.0) + took

    @property
    def traits(self) -> Traits:
        return self._model.traits

    @property
    def tokeniser(self) -> Tokeniser | None:
        return self._model.tokeniser

    def prepare(self, products: Sequence[Product]) -> list[Prepared]:
        with self.timed("prepare"):
            return self._model.prepare(products)

    def describe(self, attributes: Sequence[Attribute]) -> list[Described]:
        with self.timed("describe"):
            return self._model.describe(attributes)

    def answer(
        self,
        prepared: Sequence[Prepared],
        described: Sequence[Described],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        with self.timed("answer"):
            return self._model.answer(prepared, described, asks)
