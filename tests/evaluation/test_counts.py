import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.evaluation.counts import Counts, SetCounts, measures
from attrex.evaluation.outcome import Outcome

whole = st.integers(0, 50)


def test_scores_by_hand() -> None:
    counts = Counts(vc=6, vw=2, vn=4, nv=1, nn=7)
    scores = counts.scores()
    assert (counts.asks, scores.precision, scores.recall) == (20, 6 / 9, 6 / 12)
    assert scores.f1 == pytest.approx(2 * (6 / 9) * 0.5 / (6 / 9 + 0.5))
    assert counts.to_json() == {"VC": 6, "VW": 2, "VN": 4, "NV": 1, "NN": 7}
    assert scores.to_json() == {"precision": 6 / 9, "recall": 0.5, "f1": 12 / 21}


def test_counts_of_outcomes() -> None:
    assert Counts.of([Outcome.VC, Outcome.NN, Outcome.VC, Outcome.NV]) == Counts(2, 0, 0, 1, 1)


@pytest.mark.parametrize(
    ("counts", "undefined"),
    [
        (Counts(nn=3), ("precision", "recall", "f1")),
        (Counts(vn=2), ("precision",)),
        (Counts(nv=2), ("recall",)),
        (Counts(vw=1), ()),
    ],
)
def test_what_is_0_by_0_is_written_0_and_named(counts: Counts, undefined: tuple[str, ...]) -> None:
    scores = counts.scores()
    assert (scores.precision, scores.recall, scores.f1) == (0.0, 0.0, 0.0)
    assert scores.undefined == undefined
    assert scores.to_json().get("undefined", []) == list(undefined)


def test_set_scores_by_hand() -> None:
    scores = SetCounts(tp=3, fp=1, fn=2).scores()
    assert (scores.precision, scores.recall, scores.f1) == (0.75, 0.6, pytest.approx(2 * 0.45 / 1.35))
    assert SetCounts(3, 1, 2).to_json() == {"TP": 3, "FP": 1, "FN": 2}


@given(whole, whole, whole, whole, whole)
def test_the_arrays_agree_with_the_record(vc: int, vw: int, vn: int, nv: int, nn: int) -> None:
    scores = Counts(vc, vw, vn, nv, nn).scores()
    arrays = measures(np.array([[vc], [vw], [vn], [nv], [nn]]))
    for name in ("precision", "recall", "f1"):
        value = arrays[name].item()
        assert np.isnan(value) == (name in scores.undefined)
        assert np.isnan(value) or value == pytest.approx(getattr(scores, name))
