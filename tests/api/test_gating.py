"""A gate learnt beside a model: what fitting makes of it, and what filling does with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from attrex.api import Extractor, evaluate, fit
from attrex.api.fitting import parts_of
from attrex.api.gating import GateReport, GateSettings, learn_gate
from attrex.api.planning import plan
from attrex.api.preview import preview, preview_terminal
from attrex.api.recipe import load_recipe
from attrex.api.scoring import judge_all
from attrex.core import Attribute, Product, Source, Stated, Status
from attrex.errors import ConfigError, ModelError
from attrex.evaluation import report
from attrex.io.reader import open_reader
from attrex.models.gate import LEAST_CELLS, Cut, FittedGate, choose
from attrex.schema import Category, Schema
from attrex.supervision.splits import split
from tests.api.shop import shop, write_csv
from tests.models.halls import NAMES, RANGES, hall_of, warehouse
from tests.report.reading import terminal

SCHEMA = Schema([Attribute(name) for name in NAMES])
VALUES = {
    "Colour": "red",
    "Wattage": "40 W",
    "Socket": "E27",
    "Pile": "long",
    "Fibre": "wool",
    "Volume": "2 l",
}


def stocked(rows: int = 400, **given: float) -> list[Product]:
    """The warehouse with values that stand in the texts, each of which names wool, to mislead."""
    made = []
    for product in warehouse(rows, **given):  # type: ignore[arg-type]
        values = " ".join(VALUES[name] for name in RANGES[hall_of(product)])
        text = f"{product.sources[0].text} {values} packed in long wool"
        stated = {name: (Stated(VALUES[name]),) for name in product.stated}
        made.append(replace(product, sources=(Source("title", text),), stated=stated))
    return made


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return fit(stocked(), recipe="lexicon")


def asks(extractor: Extractor, products: Sequence[Product]) -> Counter[Status]:
    return Counter(e.status for found in extractor.fill(products) for e in found)


def test_a_catalogue_of_several_categories_gets_a_gate_that_spares_asks(extractor: Extractor) -> None:
    assert extractor.gate is not None
    assert extractor.report is not None
    told = extractor.report.gate
    assert told is not None
    assert (told.kind, told.wanted) == ("text", 0.995)
    assert told.before == pytest.approx(4.5, abs=0.3)  # six attributes, of which three apply, half filled
    assert told.after == pytest.approx(1.5, abs=0.3)
    assert told.recall == 1.0
    assert 0.6 < told.spared < 0.7
    assert str(told).startswith("The gate (text) asks 1.")
    assert "## What is asked" in extractor.card
    assert str(told) in extractor.card


def test_filling_asks_only_what_applies_and_says_so_of_the_rest(extractor: Extractor) -> None:
    fresh = [replace(p, stated={}) for p in stocked(30, seed=1)]
    for product, found in zip(fresh, extractor.fill(fresh), strict=True):
        own = {e.attribute: e for e in found}
        assert set(own) == set(NAMES)
        for name, extraction in own.items():
            applies = name in RANGES[hall_of(product)]
            assert extraction.status is (Status.FOUND if applies else Status.NOT_APPLICABLE)
            assert extraction.provenance.stage == ("lexicon" if applies else "gate")
            assert (extraction.probability or 0) > 0.5
    without = Extractor(extractor.model, extractor.schema, extractor.policy)
    assert asks(without, fresh)[Status.FOUND] > asks(extractor, fresh)[Status.FOUND]  # false ones


def test_filled_cells_are_asked_with_all_and_new_attributes_always(extractor: Extractor) -> None:
    rug = next(p for p in stocked(30, seed=1) if p.category == "Rugs")
    odd = replace(rug, stated={"Socket": (Stated("E27"),)})
    assert "Socket" not in {e.attribute for e in extractor.fill(odd)}
    by_name = {e.attribute: e for e in extractor.fill(odd, all=True)}
    assert by_name["Socket"].provenance.stage == "lexicon"
    assert by_name["Wattage"].status is Status.NOT_APPLICABLE
    socket, scent = extractor.fill(replace(rug, stated={}), attributes=["Socket", "Scent"])
    assert socket.status is Status.NOT_APPLICABLE
    assert scent.provenance.stage == "lexicon"


def test_no_attribute_above_the_threshold_is_no_error(extractor: Extractor) -> None:
    assert extractor.gate is not None
    closed = replace(extractor.gate, known=Cut(1.1), guessed=Cut(1.1))
    shut = Extractor(extractor.model, extractor.schema, extractor.policy, gate=closed)
    fresh = [replace(p, stated={}) for p in stocked(5, seed=1)]
    assert asks(shut, fresh) == {Status.NOT_APPLICABLE: 30}


def test_an_attribute_that_was_never_filled_is_asked() -> None:
    wide = Schema([*SCHEMA.attributes, Attribute("Warranty")])
    extractor = fit(stocked(), schema=wide, recipe="lexicon")
    (product, *_) = stocked(1, seed=1)
    made = {e.attribute: e for e in extractor.fill(replace(product, stated={}))}
    assert made["Warranty"].provenance.stage == "lexicon"
    assert Status.NOT_APPLICABLE in {e.status for e in made.values()}


def test_an_evaluation_pays_for_what_the_gate_denies(extractor: Extractor) -> None:
    assert extractor.gate is not None
    labelled = stocked(40, seed=1)
    closed = replace(extractor.gate, known=Cut(1.1), guessed=Cut(1.1))
    shut = Extractor(extractor.model, extractor.schema, extractor.policy, gate=closed)
    assert evaluate(extractor, labelled, resamples=0).micro.scores.recall > 0.9
    assert evaluate(shut, labelled, resamples=0).micro.scores.recall == 0.0


# Where there is none


def test_a_schema_that_says_which_category_has_what_needs_none() -> None:
    categories = [Category(hall, None, tuple(map(Attribute, own))) for hall, own in RANGES.items()]
    assert fit(stocked(), schema=Schema((), categories), recipe="lexicon").gate is None


def test_a_gate_that_spares_nothing_is_not_kept_unless_it_was_asked_for() -> None:
    assert fit(shop(), recipe="lexicon").gate is None  # lamps and rugs have the same three attributes
    asked = fit(shop(), recipe="lexicon", gate="category")
    assert asked.gate is not None
    assert asked.report is not None
    assert asked.report.gate is not None
    assert asked.report.gate.spared == 0
    assert fit(stocked(), recipe="lexicon", gate="none").gate is None


def test_one_category_of_few_attributes_is_not_tried() -> None:
    one = [replace(p, category="Goods") for p in stocked()]
    assert learn_gate(one[:300], one[300:], SCHEMA, GateSettings()) is None
    assert learn_gate(one[:300], one[300:], SCHEMA, GateSettings("text")) is not None


def test_the_lexicon_beside_a_model_has_none_of_its_own() -> None:
    recipe = load_recipe("lexicon")
    assert recipe.gate.kind == "auto"
    wanted = 'gate: expected one of auto, text, category, picture, none, got "guess"'
    with pytest.raises(ConfigError, match=wanted):
        fit(stocked(50), recipe="lexicon", gate="guess")  # type: ignore[arg-type]


# Thresholds


def test_thresholds_come_from_the_calibrate_part_alone() -> None:
    """The training part is told apart well, the calibrate part is not: half of its lamps are called rugs."""
    rows = stocked(600)
    train, apart = rows[:400], rows[400:]
    moved = [
        replace(p, category="Rugs", sources=(Source("title", "rug carpet"),))
        if p.category == "Lamps" and at % 2
        else p
        for at, p in enumerate(apart)
    ]
    clean, odd = (learn_gate(train, part, SCHEMA, GateSettings("text")) for part in (apart, moved))
    assert clean is not None
    assert odd is not None
    assert clean[0].known.common > 0.3
    assert odd[0].known.common < 0.2
    assert odd[1].cells == sum(len(p.stated) for p in moved)
    gate = odd[0].gate
    assert clean[0].gate.tensors()["has"].equal(gate.tensors()["has"])
    scores = {
        a.name: [float(gate.ranges([p], [a])[0, 0]) for p in moved if p.stated.get(a.name)]
        for a in SCHEMA.attributes
    }
    assert odd[0].known.common == pytest.approx(choose(scores).common, abs=1e-4)


def test_fitting_chooses_them_on_its_own_calibrate_part(extractor: Extractor) -> None:
    recipe = load_recipe("lexicon")
    assert extractor.gate is not None
    assert extractor.report is not None
    from attrex.api.fitting import OTHER_DRAW

    products = stocked()
    part = split(products, recipe.split, OTHER_DRAW)["calibrate"]
    assert extractor.gate.known.cells == sum(len(products[at].stated) for at in part)


def test_with_too_few_cells_apart_every_attribute_passes() -> None:
    rows = stocked(300)
    few = [p for p in rows[290:] if p.stated][:5]
    assert sum(len(p.stated) for p in few) < LEAST_CELLS
    made = learn_gate(rows[:290], few, SCHEMA, GateSettings("text"))
    assert made is not None
    assert (made[0].known.common, made[1].spared) == (0.0, 0.0)
    assert learn_gate(rows[:290], few, SCHEMA, GateSettings()) is None
    assert learn_gate(rows, [], SCHEMA, GateSettings("category")) is not None


def test_explicit_none_teaches_that_the_product_has_none() -> None:
    rows = [replace(p, stated={**p.stated, "Socket": ()}) if p.category == "Lamps" else p for p in stocked()]
    rows[0] = replace(rows[0], stated={"Socket": (Stated("E27"),)})
    told = learn_gate(rows[:300], rows[300:], SCHEMA, GateSettings("category"))
    empty = learn_gate(stocked()[:300], stocked()[300:], SCHEMA, GateSettings("category"))
    assert told is not None
    assert empty is not None
    lamp, socket = [Product("1", "Lamps")], [Attribute("Socket")]
    assert told[0].gate.ranges(lamp, socket)[0, 0] < 0.1 < 0.9 < empty[0].gate.ranges(lamp, socket)[0, 0]


def test_a_complete_table_s_empty_cells_are_explicit() -> None:
    rows = stocked(300, filled=0.3)
    lamp, socket = [Product("1", "Lamps")], [Attribute("Socket")]
    made = [
        learn_gate(rows[:240], rows[240:], SCHEMA, GateSettings("category"), complete=complete)
        for complete in (False, True)
    ]
    unknown, none = (float(one[0].gate.ranges(lamp, socket)[0, 0]) for one in made if one is not None)
    assert unknown > 0.9
    assert none == pytest.approx(0.3, abs=0.1)


def test_thresholds_and_scores_are_of_what_the_gate_lets_pass() -> None:
    """Every text names wool, and where all cells are told it is mostly wrong; the gate spares such asks."""
    recipe = replace(load_recipe("lexicon"), relearn=False)
    products = stocked()
    gated, open_ = (
        fit(products, recipe=recipe, schema=SCHEMA, gate=kind, complete=True) for kind in (None, "none")
    )
    assert gated.gate is not None
    apart = parts_of(products, recipe, 0)["calibrate"]
    told = [each.report.scores for each in (gated, open_) if each.report is not None]
    assert None not in told
    for extractor, scores in zip((gated, open_), told, strict=True):
        judged = judge_all(extractor, apart, complete=True)
        assert scores.micro.counts == report(judged, matching="folded").micro.counts  # type: ignore[union-attr]
    assert told[0].micro.counts.asks == told[1].micro.counts.asks  # type: ignore[union-attr]
    fewer, more = ([t for t in each.policy.trials if t.proposals] for each in (gated, open_))
    assert len(fewer) < 0.8 * len(more)
    wrong = [sum(not right for t in trials for _, right in t.proposals) for trials in (fewer, more)]
    assert wrong[0] < 0.7 * wrong[1]


# Storing, planning, looking


def test_a_model_folder_holds_the_gate(extractor: Extractor, tmp_path: Path) -> None:
    folder = extractor.save_pretrained(tmp_path / "m")
    assert {"gate.json", "gate.safetensors"} <= {f.name for f in folder.iterdir()}
    back = Extractor.from_pretrained(folder)
    fresh = [replace(p, stated={}) for p in stocked(10, seed=1)]
    assert back.fill(fresh) == extractor.fill(fresh)
    assert asks(back.aimed("precision=0.9"), fresh)[Status.NOT_APPLICABLE] > 0
    # A model without one in the same place forgets it.
    fit(shop(), recipe="lexicon").save_pretrained(folder)
    assert Extractor.from_pretrained(folder).gate is None


def test_a_damaged_gate_is_told(extractor: Extractor, tmp_path: Path) -> None:
    folder = extractor.save_pretrained(tmp_path / "m")
    (folder / "gate.json").write_text(json.dumps({"kind": "text"}))
    with pytest.raises(ModelError, match=r"gate\.json: damaged or cut short"):
        Extractor.from_pretrained(folder)


def test_a_plan_counts_what_the_gate_leaves(extractor: Extractor, tmp_path: Path) -> None:
    folder = extractor.save_pretrained(tmp_path / "m")
    fresh = stocked(40, seed=1)
    path = write_csv(tmp_path / "w.csv", fresh, NAMES)
    planned = plan(open_reader(path), [folder], seconds=0.02).models[0]
    counts = asks(extractor, [row.product for row in open_reader(path)])
    assert planned.spared == counts[Status.NOT_APPLICABLE] > 0
    assert planned.asks == counts.total() - planned.spared
    assert planned.to_json()["spared_by_gate"] == planned.spared


def test_a_dry_run_tells_what_it_would_spare(extractor: Extractor, tmp_path: Path) -> None:
    assert extractor.report is not None
    path = write_csv(tmp_path / "w.csv", stocked(), NAMES)
    seen = preview(open_reader(path), recipe=load_recipe("lexicon"))
    assert seen.gate == extractor.report.gate
    assert seen.to_json()["gate"]["kind"] == "text"
    assert "The gate (text) asks" in terminal(preview_terminal(seen))
    few = preview(open_reader(write_csv(tmp_path / "s.csv", shop())), recipe=load_recipe("lexicon"))
    assert few.gate is None


def test_a_report_without_cells_has_no_recall() -> None:
    told = GateReport("text", 0.995, 0, 0.0, 0.0, 0, 0)
    assert (told.recall, told.spared) == (None, 0.0)
    assert str(told) == "The gate (text) asks 0.0 of 0.0 empty cells a product"


def test_versions_tell_gates_apart(extractor: Extractor) -> None:
    assert isinstance(extractor.gate, FittedGate)
    other = fit(stocked(), recipe="lexicon", gate="category")
    assert other.gate is not None
    assert other.gate.version != extractor.gate.version
    assert other.version == extractor.version  # of the model
