from __future__ import annotations

import json
from dataclasses import replace

import pytest

from attrex.core import Attribute, Product, Source
from attrex.models.interface import Cost
from attrex.plan import CachePlan, CataloguePlan, ModelPlan, Survey, estimate, plan_model, survey
from attrex.plan.cached import plan_cache
from tests.plan.scripted import A, B, Costing, Measured, product, subject


def seen(products: int, sample: int, words: int = 4) -> Survey:
    return Survey(products, (products * 2,), ((A, B),), tuple(product(n, words) for n in range(sample)))


def plan(model: object, survey: Survey, **more: object) -> ModelPlan:
    return plan_model(subject(model, asks=survey.asks[0], **more), survey, seconds=0.02, base=5000)


def test_a_formula_is_scaled_to_the_catalogue_and_attributes_are_described_once() -> None:
    made = plan(Costing(), seen(1000, 10))
    assert made.flops_by == "formula"
    # "w7 w7 w7 w7" is eight tokens: letters and digits are apart.
    assert (made.windows, made.tokens, made.asks, made.attributes) == (1000, 8000, 2000, 2)
    assert made.flops == Cost(80_000, 200, 14_000)


def test_what_has_no_formula_is_counted_while_it_runs() -> None:
    made = plan(Measured(), seen(1000, 40))
    assert made.flops_by == "counter"
    assert made.flops == Cost(2 * 3 * 4 * 1000, 0, 2 * 3 * 5 * 2000)
    assert made.tokens is None


def test_long_products_are_windows() -> None:
    made = plan(Costing(), seen(100, 10, words=40))
    assert made.windows >= 100 * 80 / 8
    assert made.flops.answer == 7 * 2 * made.windows


def test_what_has_no_text_or_no_ask_is_not_read() -> None:
    some = (product(1), Product("2", None, (Source("title", " \n"),)), Product("3"), product(4))
    made = plan(Costing(), Survey(4, (8,), ((A, B),), some))
    assert made.windows == 2
    nothing = plan(Costing(), Survey(4, (0,), ((),), some), ask=())
    assert (nothing.windows, nothing.flops.total, nothing.asks) == (0, 0, 0)


class Slow(Costing):
    """Two seconds a word to prepare, two an ask, half a second to describe; it winds the clock."""

    now = 0.0

    def prepare(self, products):  # type: ignore[no-untyped-def]
        self.now += sum(2 * len(p.sources[0].text.split()) for p in products)
        return super().prepare(products)

    def describe(self, attributes):  # type: ignore[no-untyped-def]
        self.now += 0.5
        return super().describe(attributes)

    def answer(self, prepared, described, asks):  # type: ignore[no-untyped-def]
        self.now += 2 * len(asks)
        return super().answer(prepared, described, asks)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    model = Slow()
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: model.now)
    monkeypatch.setattr(estimate.Stopwatch.__init__, "__defaults__", (lambda: model.now,))
    return model


SAMPLE = tuple(product(n, words=1 + n % 4) for n in range(40))
WORDS = sum(1 + n % 4 for n in range(40))


def test_seconds_are_scaled_by_what_was_measured(slow: Slow) -> None:
    """The catalogue is ten times the sample."""
    survey = Survey(400, (800,), ((A, B),), SAMPLE)
    made = plan_model(subject(slow, asks=800), survey, seconds=30, base=None)
    assert 1 <= made.measured < 10  # thirty seconds are not enough for ten
    assert made.seconds.prepare == pytest.approx(10 * 2 * WORDS)
    assert made.seconds.answer == pytest.approx(2 * 800)
    assert made.seconds.describe == 0.5
    assert made.seconds.rest == pytest.approx(0)
    assert made.memory is None


def test_batches_side_by_side_share_the_seconds_of_a_step(slow: Slow) -> None:
    """Two workers' seconds are half as many for who waits; here they took turns, and the rest was waiting."""
    survey = Survey(400, (800,), ((A, B),), SAMPLE)
    made = plan_model(subject(slow, asks=800, workers=2), survey, seconds=1e4, base=None)
    assert made.measured == 40
    assert made.seconds.prepare == pytest.approx(10 * WORDS)
    assert made.seconds.answer == pytest.approx(800)
    assert made.seconds.rest == pytest.approx(10 * WORDS + 800)
    alone = plan_model(subject(slow, asks=800, workers=2), survey, seconds=1e-9, base=None)
    assert alone.measured == 1
    assert alone.seconds.prepare == pytest.approx(10 * WORDS)
    assert alone.seconds.rest == pytest.approx(0)


def test_of_a_slow_model_few_products_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    class Dragging(Measured):
        def prepare(self, products):  # type: ignore[no-untyped-def]
            seen.append(len(products))
            return super().prepare(products)

    monkeypatch.setattr(estimate.time, "perf_counter", lambda: 10.0 * sum(seen))
    monkeypatch.setattr(estimate.Stopwatch.__init__, "__defaults__", (lambda: 10.0 * sum(seen),))
    survey = Survey(400, (800,), ((A, B),), SAMPLE)
    made = plan_model(subject(Dragging(), asks=800), survey, seconds=30, base=None)
    assert made.flops == Cost(2 * 3 * 4 * 400, 0, 2 * 3 * 5 * 800)
    assert made.measured == 3
    assert seen[:5] == [1, 1, 3, 1, 1]  # the last two while they are counted, which takes longer


def test_the_costliest_model_is_tried_with_one_product_and_the_cheapest_with_all() -> None:
    filled: list[int] = []
    sample = [product(n) for n in range(100)]
    assert estimate._affordable(lambda some: filled.append(len(some)), sample, seconds=1e-12) == 1
    assert filled == [1, 1]
    filled.clear()
    assert estimate._affordable(lambda some: filled.append(len(some)), sample, seconds=1e3) == 100
    assert filled[:3] == [1, 1, 8]
    assert max(filled) <= 100


def test_memory_is_what_the_process_the_model_and_the_run_take() -> None:
    made = plan(Costing(), seen(100, 10))
    if made.memory is not None:
        assert made.memory >= 6000
        held = plan(Costing(), seen(1000, 10), at_once=500).memory
        assert held is not None
        assert held >= 6000 + 450 * 300  # ten windows were held, and five hundred will be
    assert plan(Costing(), seen(100, 10), loaded=None).memory is None


def cache(model: object, **more: float) -> CachePlan:
    given = {"seconds_a_window": 1.0, "of": 500.0, "seconds": 10.0, **more}
    return plan_cache(model, "v", [product(n) for n in range(50)], **given)  # type: ignore[arg-type]


def test_a_disk_cache_pays_where_reading_is_quicker_than_preparing() -> None:
    dear, cheap = cache(Costing()), cache(Costing(), seconds_a_window=1e-7)
    assert (dear.cacheable, dear.make, dear.pays) == ("disk", 500.0, True)
    assert cheap.pays is False
    assert dear.disk is not None
    assert dear.read is not None
    assert dear.disk > 500 * 100
    assert 0 < dear.read < 500


def test_of_a_heavy_model_few_windows_are_tried() -> None:
    prepared: list[int] = []

    class Heavy(Costing):
        def prepare(self, products):  # type: ignore[no-untyped-def]
            prepared.append(len(products))
            return super().prepare(products)

    cache(Heavy(), seconds_a_window=5.0)
    cache(Heavy(), seconds_a_window=100.0)
    cache(Heavy(), seconds_a_window=0.0)
    assert prepared == [2, 1, 50]


def test_records_for_memory_only_have_a_size_and_no_disk() -> None:
    made = cache(Measured())
    assert (made.cacheable, made.disk, made.read, made.pays) == ("memory", None, None, None)
    assert made.memory == pytest.approx(500 * (200 + 16))


def test_a_plan_is_json() -> None:
    model = plan(Costing(), seen(100, 10))
    content = CataloguePlan("shop.csv", 100, 10, (model, replace(model, name="n"))).to_json()
    assert json.loads(json.dumps(content)) == content
    assert content["models"][0]["flops"] == {
        "prepare": 8000,
        "describe": 200,
        "answer": 1400,
        "total": 9600,
        "by": "formula",
    }
    assert content["models"][0]["cache"]["disk_pays"] in (True, False)


def test_asks_are_those_of_the_whole_catalogue() -> None:
    found = survey((product(n) for n in range(30)), [lambda p: [A] * (int(p.id) % 3)], seed=0, size=5)
    made = plan(Costing(), found)
    assert made.asks == 30


def test_every_attribute_of_the_catalogue_is_described_though_no_product_of_the_sample_has_it() -> None:
    rare = (*[Attribute(str(n)) for n in range(50)], A)
    made = plan(Costing(), seen(100, 10), attributes=rare, ask=(A,))
    assert (made.attributes, made.flops.describe) == (51, 5100)
