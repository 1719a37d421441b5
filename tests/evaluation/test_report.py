import json

import pytest

from attrex.core import Span
from attrex.evaluation import Counts, Judged, SetCounts, Support, report
from tests.evaluation.asks import SEVEN, ask


def test_micro_macro_and_attributes_by_hand() -> None:
    made = report(SEVEN, name="seven", resamples=50)
    assert (made.asks, made.products) == (7, 4)
    assert made.micro.counts == Counts(vc=3, vw=1, vn=1, nv=1, nn=1)
    assert made.micro.scores.f1 == pytest.approx(0.6)
    color, size = made.per_attribute["Color"], made.per_attribute["Size"]
    assert (color.counts, size.counts) == (Counts(2, 1, 0, 0, 0), Counts(1, 0, 1, 1, 1))
    assert (color.scores.f1, size.scores.f1) == (pytest.approx(2 / 3), pytest.approx(0.5))
    assert made.macro.f1 == pytest.approx((2 / 3 + 0.5) / 2)
    assert made.macro_attributes == 2


def test_sets_by_hand() -> None:
    """TP: red, navy, 10 cm. FP: XL, x, Red. FN: blue, M, red."""
    counts, scores = report(SEVEN, resamples=0).sets
    assert (counts, scores.f1) == (SetCounts(3, 3, 3), 0.5)


def test_a_mean_leaves_out_attributes_with_nothing_to_measure() -> None:
    made = report([*SEVEN, ask("p1", "Empty"), ask("p2", "Missed", "x")], resamples=0)
    assert made.per_attribute["Empty"].scores.undefined == ("precision", "recall", "f1")
    assert made.macro_attributes == 3
    assert made.macro.f1 == pytest.approx((2 / 3 + 0.5 + 0) / 3)
    assert made.macro.precision == pytest.approx((2 / 3 + 0.5) / 2)  # nothing was given for Missed


def test_json_has_the_agreed_keys_and_is_json() -> None:
    made = json.loads(json.dumps(report(SEVEN, resamples=20).to_json(), allow_nan=False))
    assert {"micro", "macro", "counts", "per_attribute", "per_category", "slices", "sets", "spans"} <= set(
        made
    )
    assert made["counts"] == {"VC": 3, "VW": 1, "VN": 1, "NV": 1, "NN": 1}
    assert made["micro"]["precision"] == 0.6
    assert made["per_attribute"]["Size"]["counts"]["NV"] == 1
    assert len(made["micro"]["intervals"]["f1"]) == 2
    assert made["intervals"] == {"level": 0.95, "by": "product", "resamples": 20, "seed": 0}


def test_the_same_seed_gives_the_same_numbers() -> None:
    judged = [ask(f"p{i}", "a", "x", "x" if i % 3 else "y") for i in range(397)]
    assert report(judged, seed=5).to_json() == report(judged, seed=5).to_json()
    assert report(judged, seed=5).micro.scores.intervals != report(judged, seed=6).micro.scores.intervals


def test_nothing_judged_gives_an_empty_report() -> None:
    made = report([])
    assert (made.asks, made.macro_attributes, made.per_attribute, made.curve) == (0, 0, {}, ())
    assert made.macro.undefined == ("precision", "recall", "f1")
    json.dumps(made.to_json(), allow_nan=False)


def test_spans_are_scored_where_given() -> None:
    here = Span("title", 0, 3)
    judged = [
        ask("p1", "a", "red", "red", gold_spans=(here,), predicted_spans=(here,)),
        ask("p2", "a", "red", "red", gold_spans=(here,), predicted_spans=(Span("title", 9, 12),)),
        ask("p3", "a", "red", "red", predicted_spans=(here,)),
        ask("p4", "a"),
    ]
    made = report(judged, resamples=0)
    assert made.spans is not None
    assert (made.spans.counts, made.spans_left_out) == (Counts(vc=1, vw=1, nn=1), 1)
    assert made.to_json()["spans"]["left_out"] == 1
    assert report(SEVEN, resamples=0).spans is None


def test_categories_and_seen_values() -> None:
    judged = [
        ask("p1", "a", "x", "x", category="Shoes", seen=True),
        ask("p2", "a", "y", "", category="Bags", seen=False),
        ask("p3", "a", "", "z", category="Bags", seen=False),
    ]
    made = report(judged, resamples=0)
    assert {name: g.counts for name, g in made.per_category.items()} == {
        "Bags": Counts(vn=1, nv=1),
        "Shoes": Counts(vc=1),
    }
    assert {name: g.counts for name, g in made.slices.items()} == {
        "seen values": Counts(vc=1),
        "unseen values": Counts(vn=1),
    }


def test_head_and_tail() -> None:
    support = Support({"big": 100, "small": 99}, {"big": {"x": 10, "y": 9}, "small": {}})
    judged: list[Judged] = [
        ask("p1", "big", "x", "x"),
        ask("p2", "big", "y", "q"),
        ask("p3", "small", "z", ""),
        ask("p4", "unheard", "", "w"),
    ]
    slices = {name: g.counts for name, g in report(judged, support=support, resamples=0).slices.items()}
    assert slices == {
        "head attributes": Counts(vc=1, vw=1),
        "tail attributes": Counts(vn=1, nv=1),
        "head values": Counts(vc=1),
        "tail values": Counts(vw=1),
        "seen values": Counts(vc=1, vw=1),
        "unseen values": Counts(vn=1),
    }


def test_the_curve_is_of_given_values_only() -> None:
    judged = [
        ask("p1", "a", "x", "x", 0.9),
        ask("p2", "a", "x", "y", 0.4),
        ask("p3", "a", "x", "", 0.99),
        ask("p4", "a", "x", "x"),
    ]
    made = report(judged, resamples=0)
    assert [(p.threshold, p.coverage, p.precision) for p in made.curve] == [(0.9, 0.25, 1.0), (0.4, 0.5, 0.5)]
    assert made.calibration_error == pytest.approx((0.1 + 0.4) / 2)
