from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from attrex.api import load_recipe
from attrex.api import preview as preview_module
from attrex.api.preview import (
    EXAMPLES,
    WARMED,
    Preview,
    _training_time,
    _warming_time,
    preview,
    preview_terminal,
)
from attrex.core import Attribute, Product, Source, Stated
from attrex.errors import InputError
from attrex.io.reader import open_reader
from attrex.models.interface import Learner
from attrex.schema import Schema
from attrex.supervision.pool import Label, Pool
from tests.api.shop import shop, write_csv


@pytest.fixture
def seen(tmp_path: Path) -> Preview:
    products = [
        replace(p, stated={**p.stated, "Size": (Stated("90 inches"),)}) if at < 20 else p
        for at, p in enumerate(shop(100))
    ]
    path = write_csv(tmp_path / "shop.csv", products)
    return preview(open_reader(path), recipe=load_recipe("lexicon"))


def test_it_tells_mapping_rates_examples_and_time(seen: Preview) -> None:
    assert (seen.products, seen.categories, seen.format) == (100, 2, "table")
    assert ("title", "source", "title") in {row[:3] for row in seen.mapping}
    assert ("Brand", "attribute", "Brand") in {row[:3] for row in seen.mapping}
    rates = {name: (filled, cells, share) for name, filled, cells, share in seen.attributes}
    filled, cells, share = rates["Brand"]
    assert 50 < filled < 90
    assert cells == 100
    assert share == 1.0
    assert (rates["Size"][2] or 0) < 0.85
    assert len(seen.examples) == EXAMPLES
    assert {row[1] for row in seen.examples} == {"Brand", "Colour", "Size"}
    assert 0 < seen.seconds < 60


def test_it_is_json_able_and_printable(seen: Preview) -> None:
    from rich.console import Console

    content = seen.to_json()
    assert content["attributes"][0].keys() == {"attribute", "filled", "cells", "share_located"}
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(preview_terminal(seen))
    console.file.close()
    text = console.export_text()
    for expected in (
        "Columns",
        "Attributes",
        "Examples",
        "fill rate",
        "Fitting with the recipe lexicon will take",
    ):
        assert expected in text


def test_nothing_to_look_at_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("id,title\n", encoding="utf-8")
    with pytest.raises(InputError, match="there is no product to learn from"):
        preview(open_reader(path), recipe=load_recipe("lexicon"))


class Taught(nn.Module):
    """A learner of so many examples. A step takes ``own`` seconds and ``each`` an example, by a clock that
    nothing else moves; ``batches``: how many examples each had that it was shown."""

    def __init__(self, examples: int, *, own: float = 0.0, each: float = 0.0) -> None:
        super().__init__()
        self.weight, self.count = nn.Parameter(torch.ones(())), examples
        self.own, self.each, self.now = own, each, 0.0
        self.batches: list[int] = []

    @property
    def network(self) -> nn.Module:
        return self

    def begin(self, pool: Pool) -> None: ...

    def examples(self, pool: Pool, epoch: int) -> list[int]:
        return list(range(self.count))

    def length(self, example: int) -> int:
        return example

    def collate(self, examples: list[int]) -> Tensor:
        return torch.tensor(float(len(examples)))

    def forward(self, batch: Tensor) -> dict[str, Tensor]:
        self.batches.append(int(batch))
        first = 3.0 if len(self.batches) == 1 else 0.0
        self.now += first + self.own + self.each * float(batch)
        return {"loss": self.weight * batch}


def timed(learner: Taught, monkeypatch: pytest.MonkeyPatch, size: int = 8) -> float:
    monkeypatch.setattr(preview_module.time, "monotonic", lambda: learner.now)
    return _training_time(cast(Learner, learner), Pool([], [], Schema()), size)


def test_few_examples_take_their_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    few, none = Taught(5, own=0.1, each=0.02), Taught(0)
    assert timed(few, monkeypatch) == pytest.approx(0.2)  # one step of five
    assert timed(none, monkeypatch) == 0
    assert (few.batches, none.batches) == ([1, 1, 4, 5], [])


def test_an_epoch_takes_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    many = Taught(800, own=0.5, each=0.01)
    assert timed(many, monkeypatch, 32) == pytest.approx(25 * (0.5 + 32 * 0.01))
    assert many.batches == [1, 1, 4, 16, 32]


def test_what_would_take_long_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Taught(800, own=0.2, each=0.1)
    assert timed(slow, monkeypatch, 32) == pytest.approx(25 * (0.2 + 32 * 0.1))
    assert slow.batches == [1, 1, 4, 16]
    dragging = Taught(800, each=5.0)
    assert timed(dragging, monkeypatch, 32) == pytest.approx(800 * 5.0)
    assert dragging.batches == [1, 1]


class Warmed(Taught):
    """Of which a part learns by itself first, for half a second a product."""

    def warm_up(self, pool: Pool, say: Callable[[str], None]) -> bool:
        self.now += 0.5 * len(pool.products)
        return all(label.product < len(pool.products) for label in pool.labels)


def test_what_a_part_learns_by_itself_is_tried_on_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    products = [Product(str(at), None, (Source("title", "a mug"),)) for at in range(100)]
    labels = [Label(at, Attribute("Colour"), "negative") for at in range(100)]
    warmed, taught = Warmed(0), Taught(0)
    for learner, expected in ((warmed, 0.5), (taught, 0.0)):
        monkeypatch.setattr(preview_module.time, "monotonic", lambda one=learner: one.now)
        assert _warming_time(cast(Learner, learner), Pool(products, labels, Schema())) == expected
    assert warmed.now == 0.5 * WARMED
