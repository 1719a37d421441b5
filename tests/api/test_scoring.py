from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attrex.api import Extractor, backtest, evaluate, fit
from attrex.api.scoring import judge_all
from attrex.core import Product, Stated
from attrex.errors import ConfigError, InputError
from tests.api.shop import shop


def test_evaluate_counts_filled_cells_and_explicit_no_values() -> None:
    extractor = fit(shop(), recipe="lexicon")
    test = shop(60, seed=7)
    test = [*test[:59], replace(test[59], stated={"Colour": ()})]
    scored = evaluate(extractor, test, resamples=0)
    counts = scored.micro.counts
    assert counts.asks == sum(len(p.stated) for p in test)
    assert counts.nv == 1
    assert scored.micro.scores.f1 > 0.9


def test_scores_are_sliced_by_what_was_learnt_from(tmp_path: Path) -> None:
    products = [replace(p, stated={**p.stated, "Rare": (Stated("one"),)}) for p in shop(4, blank=0.0)]
    fitted = fit([*products, *shop(300, seed=1)], recipe="lexicon", out=tmp_path / "m")
    new = [replace(p, stated={**p.stated, "Colour": (Stated("MAUVE"),)}) for p in shop(5, seed=7, blank=0.0)]
    for extractor in (fitted, Extractor.from_pretrained(tmp_path / "m"), fitted.aimed("precision=0.9")):
        slices = evaluate(extractor, [*new, *products], resamples=0).slices
        assert {name: slices[name].counts.asks for name in slices} == {
            "seen values": 26,
            "unseen values": 5,
            "head attributes": 27,
            "tail attributes": 4,
            "head values": 22,
            "tail values": 4,
        }
    assert fitted.support is not None
    assert f"Brand ({fitted.support.attributes['Brand']})" in fitted.card
    assert fitted.report is not None
    assert fitted.report.scores is not None
    assert "seen values" in fitted.report.scores.slices


def test_without_counts_of_the_training_data_there_are_no_slices() -> None:
    fitted = fit(shop(), recipe="lexicon")
    bare = Extractor(fitted.model, fitted.schema, fitted.policy)
    assert evaluate(bare, shop(5, seed=7), resamples=0).slices == {}


def test_complete_data_asks_the_whole_category() -> None:
    extractor = fit(shop(), recipe="lexicon")
    test = [replace(p, stated={"Brand": p.stated.get("Brand", (Stated("x"),))}) for p in shop(10, seed=7)]
    assert len(judge_all(extractor, test)) == 10
    assert len(judge_all(extractor, test, complete=True)) == 30


def test_an_attribute_that_the_schema_lacks_is_asked_all_the_same() -> None:
    extractor = fit(shop(), schema=["Brand"], recipe="lexicon")
    judged = judge_all(extractor, shop(10, seed=7, blank=0.0))
    assert {j.attribute for j in judged} == {"Brand", "Colour", "Size"}


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("labelled.csv", 'the first is "labelled.csv"'),
        ([{"title": "a mug"}], "the first is of the type list"),
    ],
)
def test_arguments_in_the_wrong_order_are_told(first: Any, told: str) -> None:
    extractor = fit(shop(8), recipe="lexicon")
    with pytest.raises(ConfigError) as caught:
        evaluate(first, extractor)  # type: ignore[arg-type]  # what a user may do
    assert str(caught.value) == (
        f"evaluate: expected an extractor, then the data; {told}. Fix: "
        'evaluate(attrex.Extractor.from_pretrained("model/"), "labelled.csv")'
    )


@pytest.mark.parametrize("data", [{"title": "a mug"}, Product("1"), 7, fit])
def test_what_holds_no_products_is_told(data: Any) -> None:
    with pytest.raises(InputError) as caught:
        fit(data, recipe="lexicon")
    assert str(caught.value) == (
        f"expected a file or products, got one {type(data).__name__}. Fix: "
        'give "catalog.csv", or a list such as [{"title": "..."}]'
    )


def test_data_that_state_nothing_cannot_be_scored() -> None:
    extractor = fit(shop(), recipe="lexicon")
    with pytest.raises(InputError, match=r"no product states a value.*Fix: give labelled data"):
        evaluate(extractor, [replace(p, stated={}) for p in shop(3)])


def test_backtest_hides_about_a_fifth_and_restores_it() -> None:
    products = shop(300)
    scored = backtest(products, recipe="lexicon")
    cells = scored.overall.model.cells
    assert 0.12 < cells / sum(len(p.stated) for p in products) < 0.28
    assert scored.overall.model.in_text == cells
    assert (scored.overall.model.precision or 0) > 0.95
    assert (scored.overall.model.coverage or 0) > 0.8
    assert scored.settings["model"] == "lexicon"
    assert scored.settings["thresholds"]["own"]  # the part for calibration was not hidden away
    assert scored.to_json()["on"] == "filled cells"


def test_backtest_counts_cells_whose_value_is_not_in_the_text() -> None:
    products = [replace(p, stated={**p.stated, "Origin": (Stated("Peru"),)}) for p in shop(200)]
    scored = backtest(products, recipe="lexicon")
    assert scored.per_attribute["Origin"].model.cells > 0
    assert scored.per_attribute["Origin"].model.in_text == 0
    assert scored.per_attribute["Origin"].model.coverage == 0


def test_a_hidden_value_is_not_given_away_by_the_inferred_schema() -> None:
    unique = [replace(p, stated={"Brand": (Stated(f"brand{at}"),)}) for at, p in enumerate(shop(200))]
    texts = [
        replace(p, sources=(replace(p.sources[0], text=f"{p.stated['Brand'][0].text} lamp {p.id}"),))
        for p in unique
    ]
    assert backtest(texts, recipe="lexicon").overall.model.answered == 0


def test_too_little_to_hide_is_an_error() -> None:
    with pytest.raises(InputError, match="1 product: too few filled cells to hide some"):
        backtest(shop(1), recipe="lexicon")
