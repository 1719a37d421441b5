import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.evaluation.curves import Bin, CurvePoint, best_cut, curve, reliability

P = [0.9, 0.5, 0.9, 0.7]
RIGHT = [True, False, True, False]


def test_curve_by_hand() -> None:
    points = curve(P, RIGHT, 8)
    assert points == (
        CurvePoint(0.9, 2 / 8, 1.0),
        CurvePoint(0.7, 3 / 8, 2 / 3),
        CurvePoint(0.5, 4 / 8, 0.5),
    )


@pytest.mark.parametrize(("precision", "coverage"), [(1.0, 0.25), (0.6, 0.375), (0.5, 0.5), (0.0, 0.5)])
def test_coverage_at_a_precision(precision: float, coverage: float) -> None:
    cut = best_cut(precision, curve(P, RIGHT, 8))
    assert cut is not None
    assert cut.coverage == coverage


def test_there_is_no_cut_where_the_precision_is_never_reached() -> None:
    assert best_cut(0.5, curve([0.9], [False], 4)) is None
    assert curve([], [], 4) == ()


def test_equal_probabilities_cannot_be_parted() -> None:
    assert curve([0.5, 0.5, 0.5], [True, True, False], 3) == (CurvePoint(0.5, 1.0, 2 / 3),)


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    n = 5000
    points = curve([1 - i / n for i in range(n)], [True] * n, n)
    assert len(points) == 200
    assert (points[0].coverage, points[-1].coverage) == (1 / n, 1.0)


def test_reliability_by_hand() -> None:
    bins, error = reliability([0.95, 1.0, 0.05, 0.15], [True, False, False, True])
    assert bins == (
        Bin(0.0, 0.1, 1, 0.05, 0.0),
        Bin(0.1, 0.2, 1, 0.15, 1.0),
        Bin(0.9, 1.0, 2, pytest.approx(0.975), 0.5),
    )
    assert error == pytest.approx((0.05 + 0.85 + 2 * 0.475) / 4)
    assert reliability([], []) == ((), None)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_the_last_point_is_the_whole(answers: list[tuple[float, bool]]) -> None:
    last = curve([p for p, _ in answers], [r for _, r in answers], 100)[-1]
    right = sum(r for _, r in answers)
    assert (last.coverage, last.precision) == (len(answers) / 100, right / len(answers))
