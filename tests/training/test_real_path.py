"""The best epoch is chosen by what extraction makes of it: from products to statuses, not by the loss."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import attrex
from attrex.api.recipe import Recipe
from attrex.models import tagging
from attrex.nn.threads import one_thread
from tests.api.shop import shop


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


RECIPE = Recipe(
    "tiny",
    "multi-crf",
    arguments={"embedding": 12, "width": 12, "dropout": 0.0},
    training={"epochs": 5, "batch": 16, "rates": {"default": 0.05}, "patience": 2},
)


def test_the_tune_part_is_scored_by_extraction() -> None:
    lines: list[str] = []
    fitted = attrex.fit(shop(120), recipe=RECIPE, progress=lines.append)
    report = fitted.report
    assert report is not None
    assert report.training is not None
    told = [float(line.split()[-1]) for line in lines if "F1 on the tune part" in line]
    assert len(told) == report.training.epochs
    assert report.training.score == pytest.approx(max(told), abs=1e-3)
    assert report.training.score > 0.8
    assert report.scores is not None
    assert report.scores.micro.scores.f1 > 0.7


def test_a_model_that_proposes_nothing_is_not_improved_by_its_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagging, "FLOOR", 2.0)
    fitted = attrex.fit(shop(60), recipe=RECIPE)
    assert fitted.report is not None
    assert fitted.report.training is not None
    assert (fitted.report.training.score, fitted.report.training.epochs) == (0.0, 5)
