from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from attrex.core import Attribute, Product, Source, Stated
from attrex.errors import ConfigError, ModelError
from attrex.models import gate_category, gate_words
from attrex.models.gate import LEAST_CELLS, Cut, FittedGate, Gate, choose, load_gate
from attrex.models.gate_category import learn_category_gate
from attrex.models.gate_evidence import Evidence
from attrex.models.gate_text import learn_text_gate
from attrex.models.gate_words import Words
from tests.models.halls import ATTRIBUTES, NAMES, RANGES, hall_of, warehouse

LEARN: dict[str, Callable[[Sequence[Product]], Gate]] = {
    "category": learn_category_gate,
    "text": learn_text_gate,
}


@pytest.fixture(scope="module", params=list(LEARN))
def gate(request: pytest.FixtureRequest) -> Gate:
    return LEARN[request.param](warehouse())


def wrong(gate: Gate, products: Sequence[Product]) -> int:
    """Cells on the wrong side of one half."""
    ranges = gate.ranges(products, ATTRIBUTES)
    truth = np.array([[name in RANGES[hall_of(p)] for name in NAMES] for p in products])
    return int(((ranges >= 0.5) != truth).sum())


def bare(products: Sequence[Product]) -> list[Product]:
    return [replace(product, category=None, stated={}) for product in products]


def test_an_attribute_applies_where_it_is_filled_now_and_then(gate: Gate) -> None:
    fresh = [replace(product, stated={}) for product in warehouse(60, seed=1)]
    assert wrong(gate, fresh) == 0
    ranges = gate.ranges(fresh, ATTRIBUTES)
    assert (ranges.shape, ranges.dtype) == ((60, 6), np.float32)
    assert ranges[:, 0].min() > 0.9  # half of the cells are empty, which says nothing against it


def test_without_a_category_the_words_say(gate: Gate) -> None:
    assert wrong(gate, bare(warehouse(60, seed=1))) <= 3
    assert gate.knows("Lamps")
    assert not gate.knows(None)
    assert not gate.knows("Sofas")


def test_without_words_the_category_says(gate: Gate) -> None:
    silent = [Product(hall, hall) for hall in RANGES]
    ranges = gate.ranges(silent, ATTRIBUTES)
    assert ((ranges >= 0.5) == [[name in RANGES[p.id] for name in NAMES] for p in silent]).all()


def test_with_neither_nothing_breaks(gate: Gate) -> None:
    ranges = gate.ranges([Product("1"), Product("2", "Sofas", (Source("title", "  "),))], ATTRIBUTES)
    assert np.isfinite(ranges).all()
    assert ranges[0, 0] > 0.9
    assert gate.ranges([], ATTRIBUTES).shape == (0, 6)
    assert gate.ranges(warehouse(3), []).shape == (3, 0)


def test_attributes_come_in_any_order_and_an_unknown_one_passes(gate: Gate) -> None:
    product = warehouse(1)
    asked = [Attribute("Pile"), Attribute("Scent"), Attribute("Colour", "which colour")]
    found = gate.ranges(product, asked)[0]
    every = dict(zip(NAMES, gate.ranges(product, ATTRIBUTES)[0], strict=True))
    assert found.tolist() == [every["Pile"], 1.0, every["Colour"]]


def test_an_attribute_that_is_never_filled_passes() -> None:
    denied = [replace(p, stated={**p.stated, "Scent": ()}) for p in warehouse()]
    for learn in LEARN.values():
        gate = learn(denied)
        assert "Scent" not in gate.attributes
        assert (gate.ranges(denied[:5], [Attribute("Scent")]) == 1).all()


def test_without_one_filled_cell_everything_passes() -> None:
    for learn in LEARN.values():
        for rows in (warehouse(40, filled=0.0), warehouse(40, filled=0.0, categories=False), []):
            gate = learn(rows)
            assert gate.attributes == ()
            assert (gate.ranges(warehouse(3), ATTRIBUTES) == 1).all()


def test_a_product_s_answer_does_not_hang_on_the_batch(gate: Gate) -> None:
    products = [*warehouse(10, seed=2), *bare(warehouse(10, seed=3)), Product("empty")]
    together = gate.ranges(products, ATTRIBUTES)
    alone = np.concatenate([gate.ranges([product], ATTRIBUTES) for product in products])
    assert np.allclose(together, alone, atol=1e-5)


def test_the_same_data_give_the_same_gate_and_draw_nothing() -> None:
    before = torch.get_rng_state()
    one, two = learn_text_gate(warehouse()), learn_text_gate(warehouse())
    assert all(torch.equal(t, two.tensors()[n]) for n, t in one.tensors().items())
    assert torch.equal(before, torch.get_rng_state())


def test_words_tell_what_the_category_cannot() -> None:
    """Within one category wired products have none: the category alone cannot know which."""
    rows = [
        replace(
            p,
            sources=(Source("title", p.sources[0].text + (" wired" if at % 2 else " cordless")),),
            stated={**p.stated, "Battery": () if at % 2 else (Stated("2 h"),)},
        )
        if p.category == "Lamps"
        else p
        for at, p in enumerate(warehouse(400))
    ]
    probe = [Product(word, "Lamps", (Source("title", f"{word} lamp"),)) for word in ("wired", "cordless")]
    battery = [Attribute("Battery")]
    by_words = learn_text_gate(rows).ranges(probe, battery)[:, 0]
    by_category = learn_category_gate(rows).ranges(probe, battery)[:, 0]
    assert by_words[0] < 0.2 < 0.8 < by_words[1]
    assert by_category[0] == by_category[1]


def test_text_learns_without_any_category() -> None:
    gate = learn_text_gate(warehouse(600, categories=False))
    fresh = bare(warehouse(60, seed=1))
    ranges = gate.ranges(fresh, ATTRIBUTES)
    inside = np.array([[name in RANGES[hall_of(p)] for name in NAMES] for p in fresh])
    assert ranges[inside].min() > ranges[~inside].max()
    assert ranges[inside].mean() > 0.8  # of what is filled in half of the cells
    assert learn_category_gate(warehouse(60, categories=False)).attributes == ()


def test_a_category_of_few_products_is_judged_by_its_text() -> None:
    rows = [replace(p, category="Floor coverings") if p.category == "Rugs" else p for p in warehouse()]
    few = [replace(p, category="Rare rugs", id=f"r{p.id}") for p in rows if p.category != "Lamps"][:5]
    gate = learn_category_gate([*rows, *few])
    assert gate.knows("Floor coverings")
    assert not gate.knows("Rare rugs")


def test_one_filled_cell_keeps_an_attribute_open_in_its_category() -> None:
    rows = warehouse(300)
    at = next(i for i, p in enumerate(rows) if p.category == "Lamps")
    rows[at] = replace(rows[at], stated={**rows[at].stated, "Dimmer": (Stated("yes"),)})
    evidence = Evidence.of(rows)
    applies, _ = evidence.shares()
    column = evidence.names.index("Dimmer")
    own = dict(zip(evidence.categories, applies[:, column], strict=True))
    assert own["Lamps"] == 1.0
    assert max(own["Rugs"], own["Kettles"]) < 0.5


def test_shares_by_hand() -> None:
    """Two categories of ten; "A" is filled in 4 of one, "n/a" in 2 of it, never in the other."""
    filled, none = {"A": (Stated("x"),)}, {"A": ()}
    first = [Product(str(n), "one", stated=filled if n < 4 else none if n < 6 else {}) for n in range(10)]
    second = [Product(str(n), "two") for n in range(10)]
    applies, has = Evidence.of([*first, *second]).shares()
    rate = (4 * (4 / 8) + 2 * (4 / 8)) / (4 + 2)  # the only attribute is its own prior
    expected = [min(1.0, 5 / (8 * rate + 1)), 1 / (10 * rate + 1)]
    assert applies[:, 0] == pytest.approx(expected)
    assert has[:, 0] == pytest.approx([(4 + expected[0] * 5) / 11, expected[1]])


# Thresholds


def test_a_threshold_keeps_the_recall_that_was_wanted() -> None:
    draw = np.random.default_rng(0)
    scores = {name: draw.beta(5, 1, 2000).tolist() for name in "ab"}
    cut = choose(scores, 0.99)
    assert cut.cells == 4000
    missed = sum(score < cut.common for own in scores.values() for score in own)
    assert missed == 40
    assert cut.recall == pytest.approx(0.99)
    fresh = draw.beta(5, 1, 200_000)
    assert (fresh >= cut.common).mean() == pytest.approx(0.99, abs=0.004)


def test_with_few_cells_no_miss_is_allowed_and_with_very_few_nothing_is_denied() -> None:
    fifty = [0.4 + at / 100 for at in range(50)]
    cut = choose({"a": fifty}, 0.995)
    assert cut.common == pytest.approx(0.4 * 50 * 0.005)
    assert choose({"a": fifty[: LEAST_CELLS - 1]}, 0.995) == Cut(0.0, {}, LEAST_CELLS - 1, LEAST_CELLS - 1)
    assert choose({}, 0.995).recall is None


def test_what_is_probably_there_is_asked_whatever_the_recall_allows() -> None:
    assert choose({"a": [0.99] * 1000}, 0.9).common == 0.5


def test_an_attribute_that_would_lose_too_much_gets_a_threshold_of_its_own() -> None:
    scores = {"common": [0.9] * 3000, "rare": [0.1, 0.2, 0.3, 0.35, 0.4, 0.45] + [0.9] * 24}
    cut = choose(scores, 0.995)
    assert cut.common == 0.5
    assert cut.own.keys() == {"rare"}
    kept = int((np.array(scores["rare"], np.float32) >= cut.of(["rare"])).sum())
    # Shrunk towards all: (2 + 100 * 0.005) / 130 = 0.019 is within 4 times 0.005, 3 missed would not be.
    assert kept == 28
    assert cut.of(["common", "rare", "other"]).tolist() == pytest.approx([0.5, cut.own["rare"], 0.5])
    assert cut.kept == 3028


@pytest.mark.parametrize("recall", [0.0, -1.0, 1.5])
def test_a_recall_that_is_none_is_refused(recall: float) -> None:
    with pytest.raises(ConfigError, match=rf"gate\.recall is {recall:g}; it must lie above 0"):
        choose({}, recall)


def test_a_recall_of_one_denies_nothing() -> None:
    assert choose({"a": [0.9] * 100}, 1.0).common == 0.0


# Storing


def fitted(gate: Gate) -> FittedGate:
    return FittedGate(gate, Cut(0.2, {"Pile": 0.1}, 50, 49), Cut(0.3, {}, 50, 50))


def test_a_gate_comes_back_as_it_was(gate: Gate) -> None:
    own = fitted(gate)
    back = load_gate(own.to_json(), own.gate.tensors())
    probe = [*warehouse(5), *bare(warehouse(5)), Product("empty")]
    assert np.array_equal(back.gate.ranges(probe, ATTRIBUTES), gate.ranges(probe, ATTRIBUTES))
    assert (back.known, back.guessed, back.recall) == (own.known, own.guessed, own.recall)
    assert back.version == own.version
    assert back.cut("Lamps") == own.known
    assert back.cut(None) == own.guessed


def test_a_gate_without_categories_comes_back_too() -> None:
    own = fitted(learn_text_gate(warehouse(60, categories=False)))
    back = load_gate(own.to_json(), own.gate.tensors())
    assert not back.gate.knows("Lamps")
    assert np.array_equal(
        back.gate.ranges(warehouse(5), ATTRIBUTES), own.gate.ranges(warehouse(5), ATTRIBUTES)
    )


def test_the_version_changes_with_thresholds_and_with_what_was_learnt(gate: Gate) -> None:
    own = fitted(gate)
    assert replace(own, known=Cut(0.21, {}, 50, 49)).version != own.version
    tensors = {name: tensor.clone() for name, tensor in gate.tensors().items()}
    tensors["has"][0, 0] += 0.25
    assert load_gate(own.to_json(), tensors).version != own.version


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "psychic"}, r'there is no gate of the kind "psychic"; there are category, text'),
        ({"thresholds": {}}, r"gate\.json is damaged \(KeyError\('known'\)\)"),
        ({"attributes": None}, r"gate\.json is damaged \(TypeError"),
    ],
)
def test_a_damaged_gate_is_told(gate: Gate, change: dict[str, Any], message: str) -> None:
    own = fitted(gate)
    with pytest.raises(ModelError, match=message):
        load_gate({**own.to_json(), **change}, own.gate.tensors())
    with pytest.raises(ModelError, match=r"gate\.json is damaged \(KeyError\('features'\)\)"):
        load_gate(own.to_json(), {})


# Words


def test_words_are_folded_paired_and_counted_once() -> None:
    def features(*texts: str) -> set[int]:
        product = Product("1", None, tuple(Source(str(n), text) for n, text in enumerate(texts)))
        return set(gate_words._hashes(product).tolist())

    assert features("Red LAMP") == features("red  lamp!")
    assert features("red lamp") != features("lamp red")
    assert features("red lamp") == features("red lamp", "red lamp")
    assert len(features("red")) == 2  # the word, and that it begins a text
    assert len(features("红色灯")) == 6  # a character is a word where no spaces are written
    assert features("") == set()


def test_only_features_of_two_texts_are_kept_and_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["red lamp", "red rug", "red rug", "blue kettle"]
    products = [Product(str(n), None, (Source("title", text),)) for n, text in enumerate(texts)]
    kept = set(Words.learn(products).kept_F.tolist())
    both = gate_words._hashes(products[1])
    assert kept == set(both.tolist())
    assert len(Words.learn(products, outputs=gate_words.MOST_WEIGHTS // 2).kept_F) == 2
    monkeypatch.setattr(gate_words, "MOST_FEATURES", 1)
    (commonest,) = Words.learn(products).kept_F.tolist()
    assert commonest in set(gate_words._hashes(products[0]).tolist())


def test_many_products_are_drawn_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_category, "LEARNT_FROM", 3)
    assert gate_category.drawn(list(range(9))) == [0, 4, 8]  # type: ignore[arg-type, comparison-overlap]
