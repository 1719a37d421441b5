from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from attrex.api import Recipe, fit
from attrex.api.fitting import build
from attrex.api.recipe import load_recipe
from attrex.core import Attribute, Product, Source, Stated, Status
from attrex.errors import ConfigError, InputError, OutputError
from attrex.io.reader import open_reader
from attrex.schema import Category, Schema
from tests.api.shop import COLOURS, shop, write_csv


def test_fit_learns_from_filled_cells_and_fills_the_empty_ones() -> None:
    extractor = fit(shop(), recipe="lexicon")
    found = {e.attribute: e for e in extractor.fill({"title": "Acme desk lamp No. 999 blue 55 cm"})}
    assert {name: e.values[0].text for name, e in found.items()} == {
        "Brand": "Acme",
        "Colour": "blue",
        "Size": "55 cm",
    }
    assert all(e.status is Status.FOUND and e.provenance.calibrated for e in found.values())


def test_the_report_accounts_for_everything() -> None:
    lines: list[str] = []
    products = shop()
    extractor = fit(products, recipe="lexicon", progress=lines.append)
    report = extractor.report
    assert report is not None
    assert report.products == 200
    assert sum(report.parts.values()) == 200
    assert set(report.parts) == {"train", "calibrate"}
    filled = sum(len(p.stated) for p in products)
    assert report.labels.total().filled == filled  # learnt again on all parts
    assert report.scores is not None
    assert report.scores.micro.scores.f1 > 0.9
    assert lines[0].startswith("200 products, 3 attributes; of ")


def test_scores_of_the_calibrate_part_are_counted_as_its_thresholds_were_chosen() -> None:
    shouted = [replace(p, sources=(Source("title", p.sources[0].text.upper()),)) for p in shop()]
    report = fit(shouted, recipe="lexicon").report
    assert report is not None
    assert report.scores is not None
    assert report.scores.matching == "folded"
    assert report.scores.micro.scores.f1 > 0.9


def test_the_same_seed_gives_the_same_model_and_another_another_split() -> None:
    one, two = fit(shop(), recipe="lexicon", seed=4), fit(shop(), recipe="lexicon", seed=4)
    assert (one.version, one.policy) == (two.version, two.policy)
    other = fit(shop(), recipe="lexicon", seed=5)
    assert other.report is not None
    assert one.report is not None
    assert other.policy.trials != one.policy.trials


def test_a_recipe_s_noise_is_in_what_is_learnt_from() -> None:
    lexicon = load_recipe("lexicon")
    clean, noisy = (fit(shop(), recipe=replace(lexicon, noise=noise)) for noise in (0.0, 1.0))
    assert clean.version == fit(shop(), recipe="lexicon").version
    assert noisy.version != clean.version


@pytest.mark.parametrize("schema", [["Colour"], {"Colour": "the colour"}, Schema([Attribute("Colour")])])
def test_a_schema_may_be_given_in_any_form(schema: object) -> None:
    extractor = fit(shop(), schema=schema, recipe="lexicon")  # type: ignore[arg-type]
    assert [a.name for a in extractor.schema.every] == ["Colour"]


def test_a_row_s_keys_that_the_schema_names_state_values() -> None:
    rows = [{"title": f"a {colour} mug no. {n}", "Colour": colour} for n in range(10) for colour in COLOURS]
    fitted = fit(rows, schema=["Colour"], recipe="lexicon")
    assert fitted.report is not None
    assert fitted.report.labels.total().values > 20
    (colour,) = fitted.fill({"title": "a green mug"})
    assert [value.text for value in colour.values] == ["green"]


def test_a_file_and_a_reader_give_the_same_model(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "shop.csv", shop())
    assert fit(path, recipe="lexicon").version == fit(open_reader(path), recipe="lexicon").version


def test_an_attribute_without_a_filled_cell_is_said(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "shop.csv", shop(50), ("Brand", "Colour", "Weight"))
    report = fit(path, recipe="lexicon").report
    assert report is not None
    assert report.notes == ('without one filled cell, so that nothing is learnt for them: "Weight"',)


def test_problems_of_a_file_are_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "shop.csv", [*shop(30), *shop(1)])
    report = fit(path, recipe="lexicon").report
    assert report is not None
    assert any('the id "p0" was met before' in note for note in report.notes)


def test_a_source_that_states_the_attribute_itself_is_said() -> None:
    leaking = [
        replace(p, sources=(*p.sources, Source("specification", f"Brand: {p.stated['Brand'][0].text}")))
        if "Brand" in p.stated
        else p
        for p in shop()
    ]
    report = fit(leaking, recipe="lexicon").report
    assert report is not None
    assert any('source "specification" states "Brand" by name in 100%' in note for note in report.notes)


def test_a_handful_of_products_is_learnt_from_without_calibration() -> None:
    extractor = fit(shop(3, blank=0.0), recipe="lexicon")
    assert extractor.report is not None
    assert extractor.report.parts == {"train": 3}
    assert extractor.report.scores is None
    assert not extractor.policy.calibration.fitted


def test_a_schema_that_lists_values_is_enough_for_a_cold_start() -> None:
    blank = [replace(p, stated={}) for p in shop(30)]
    extractor = fit(blank, schema={"attributes": {"Colour": {"values": ["red", "blue"]}}}, recipe="lexicon")
    (made,) = extractor.fill(Product("x", None, (Source("title", "a blue lamp"),)))
    assert made.values[0].text == "blue"
    assert not made.provenance.calibrated


def test_a_place_for_no_model_is_told_before_anything_is_learnt(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("mine")
    told: list[str] = []
    with pytest.raises(OutputError, match="this is not a model folder, so it is not overwritten"):
        fit(shop(), recipe="lexicon", out=tmp_path / "mine.csv", progress=told.append)
    assert told == []


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_that_numpy_does_not_take_is_refused(seed: int) -> None:
    with pytest.raises(ConfigError) as told:
        fit(shop(), recipe="lexicon", seed=seed)
    assert str(told.value) == f"seed is {seed}; it must lie in [0, 2147483647]"


def test_nothing_to_learn_from_is_an_error() -> None:
    with pytest.raises(InputError, match="there is no product to learn from"):
        fit([], recipe="lexicon")
    with pytest.raises(
        InputError, match=r"no attribute has a filled cell.*Fix: give a file, or state values"
    ):
        fit([replace(p, stated={}) for p in shop(5)], recipe="lexicon")
    trained = Recipe("mine", "lexicon", training={})
    with pytest.raises(InputError, match=r"not one filled cell to learn from.*--dry-run"):
        fit([replace(p, stated={}) for p in shop(5)], schema=["Colour"], recipe=trained)


def test_a_complete_table_makes_empty_cells_negatives() -> None:
    report = fit(shop(), recipe="lexicon", complete=True).report
    assert report is not None
    assert report.labels.total().negatives > 0
    assert report.scores is not None
    assert report.scores.micro.counts.nv + report.scores.micro.counts.nn > 0


def test_precision_aims_are_met_where_f1_would_take_more() -> None:
    # half of the time the colour in the text is not the one in the cell
    doubtful = [
        replace(p, stated={**p.stated, "Colour": (Stated("white"),)}) if at % 3 == 0 else p
        for at, p in enumerate(shop(600, blank=0.0))
    ]
    careful = fit(doubtful, recipe="lexicon", aim="precision=0.95")
    assert careful.policy.thresholds.aim == "precision=0.95"
    eager = fit(doubtful, recipe="lexicon")
    probe = [replace(p, stated={}) for p in shop(100, seed=9)]
    wanted = ["Colour"]

    def written(extractor) -> int:  # type: ignore[no-untyped-def]
        return sum(e.status is Status.FOUND for (e,) in extractor.fill(probe, attributes=wanted))

    assert written(careful) < written(eager)


def test_builders_are_checked_before_they_are_called() -> None:
    with pytest.raises(ConfigError, match=r'model\.builder: there is no model "oracle"; there are .*lexicon'):
        build("oracle", {})
    with pytest.raises(ConfigError, match=r"model\.arguments\.depth: lexicon has no such argument; it has"):
        build("lexicon", {"depth": 3})


def test_categories_keep_their_own_attributes() -> None:
    schema = Schema((), (Category("Lamps", None, (Attribute("Brand"),)), Category("Rugs")))
    extractor = fit(shop(), schema=schema, recipe="lexicon")
    blank = shop(40, blank=1.0)
    lamp = next(p for p in blank if p.category == "Lamps")
    rug = next(p for p in blank if p.category == "Rugs")
    assert len(extractor.fill(lamp)) == 1
    (not_for_rugs,) = extractor.fill(rug, attributes=["Brand"])
    assert not_for_rugs.status is Status.NOT_APPLICABLE
