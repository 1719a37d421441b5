from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from attrex.api import load_recipe
from attrex.api import preview as preview_module
from attrex.api.preview import EXAMPLES, STEPS, Preview, _training_time, preview, preview_terminal
from attrex.core import Stated
from attrex.errors import InputError
from attrex.io.reader import open_reader
from attrex.models.interface import Learner
from attrex.schema import Schema
from attrex.supervision.pool import Pool
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
    """A learner of so many examples, that counts the batches it is shown."""

    def __init__(self, examples: int) -> None:
        super().__init__()
        self.weight, self.count, self.batches = nn.Parameter(torch.ones(())), examples, 0

    @property
    def network(self) -> nn.Module:
        return self

    def begin(self, pool: Pool) -> None: ...

    def examples(self, pool: Pool, epoch: int) -> list[int]:
        return list(range(self.count))

    def collate(self, examples: list[int]) -> Tensor:
        return torch.tensor(float(len(examples)))

    def forward(self, batch: Tensor) -> dict[str, Tensor]:
        self.batches += 1
        return {"loss": self.weight * batch}


def timed(learner: Any, size: int = 8) -> float:
    return _training_time(cast(Learner, learner), Pool([], [], Schema()), size)


def test_few_examples_take_their_time_too() -> None:
    few, none, many = Taught(5), Taught(0), Taught(800)
    assert timed(few) > 0
    assert timed(none) == 0
    assert timed(many) > 0
    assert (few.batches, many.batches) == (2, 1 + STEPS)


def test_slow_steps_are_not_all_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_module, "ENOUGH", 0)
    slow = Taught(800)
    assert timed(slow) > 0
    assert slow.batches == 2
