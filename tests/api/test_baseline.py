"""The lexicon that stands beside every other model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attrex.api import Extractor, backtest, fit
from attrex.api.recipe import Recipe
from attrex.models.catalog import CATALOG
from attrex.models.lexicon import Lexicon, build_lexicon
from tests.api.shop import shop, write_csv
from tests.cli.shell import Shell


class Forgetful(Lexicon):
    """Another model than the lexicon: it has learnt and says nothing."""

    def config(self):  # type: ignore[no-untyped-def]
        return {"builder": "forgetful", "arguments": {}}

    def learn(self, pool):  # type: ignore[no-untyped-def]
        super().learn(type(pool)([], [], pool.schema))

    def _describe(self, attribute):  # type: ignore[no-untyped-def]
        return super()._describe(type(attribute)(attribute.name))


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    models = {**CATALOG, "lexicon": build_lexicon, "forgetful": lambda: Forgetful(smoothing=2.0, prior=0.5)}
    monkeypatch.setattr("attrex.api.fitting.CATALOG", models)
    monkeypatch.setattr("attrex.models.catalog.CATALOG", models)
    return Recipe("forgetful", "forgetful", split={"train": 0.8, "calibrate": 0.2})


def test_every_other_model_has_the_lexicon_of_the_same_data(recipe: Recipe, tmp_path: Path) -> None:
    extractor = fit(shop(), recipe=recipe)
    assert extractor.baseline is not None
    assert extractor.baseline.name == "lexicon"
    assert extractor.baseline.baseline is None
    assert extractor.baseline.version == fit(shop(), recipe="lexicon").version
    again = Extractor.from_pretrained(extractor.save_pretrained(tmp_path / "model"))
    assert again.baseline is not None
    assert again.baseline.version == extractor.baseline.version
    careful = again.aimed("precision=0.9").baseline
    assert careful is not None
    assert careful.policy.thresholds.aim == "precision=0.9"


def test_a_backtest_sets_it_beside_the_model(recipe: Recipe) -> None:
    scored = backtest(shop(), recipe=recipe)
    assert scored.overall.model.answered == 0
    assert scored.overall.lexicon.answered > 50


def test_evaluate_compares_with_it(
    recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fit(shop(), recipe=recipe).save_pretrained(tmp_path / "model")
    test, shell = write_csv(tmp_path / "test.csv", shop(30, seed=9)), Shell(capsys)
    told = json.loads(shell("evaluate", test, "-m", folder, "--json").out)
    assert told["comparison"]["names"] == ["lexicon", str(folder)]
    assert told["comparison"]["micro"]["a"] > 0.9
    assert told["comparison"]["micro"]["b"] == 0
    assert "lexicon" in shell("evaluate", test, "-m", folder).out


def test_a_model_without_a_baseline_does_not_take_over_the_one_before(tmp_path: Path) -> None:
    extractor = fit(shop(), recipe="lexicon")
    with_one = Extractor(extractor.model, extractor.schema, extractor.policy, baseline=extractor)
    assert Extractor.from_pretrained(with_one.save_pretrained(tmp_path / "m")).baseline is not None
    assert Extractor.from_pretrained(extractor.save_pretrained(tmp_path / "m")).baseline is None
