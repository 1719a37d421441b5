import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attrex.evaluation import bootstrap, report
from tests.evaluation.asks import ask


def test_codes_number_names_in_order() -> None:
    numbers, names = bootstrap.codes(["b", "a", "b"])
    assert (numbers.tolist(), names) == ([0, 1, 0], ["b", "a"])


def test_weighted_sums_against_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    products, groups = rng.integers(0, 9, 60), rng.integers(0, 4, 60)
    products[0], groups[0] = 8, 3
    counts = rng.integers(0, 5, (60, 3))
    weights = rng.integers(0, 3, (9, 7)).astype(np.float32)
    expected = np.zeros((4, 3, 7))
    for row in range(60):
        expected[groups[row]] += np.outer(counts[row], weights[products[row]])
    blocks = [weights[:, :4], weights[:, 4:]]
    assert (bootstrap.weighted_sums(products, groups, counts, blocks, 7) == expected).all()


def test_every_resample_draws_as_many_products_as_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_DRAWS_AT_ONCE", 40)
    products = np.arange(12)
    drawn = bootstrap.resample(products, np.zeros(12, int), np.ones((12, 1), int), resamples=10, seed=1)
    assert drawn.shape == (1, 1, 10)
    assert (drawn == 12).all()


def test_the_draws_are_even_and_repeatable() -> None:
    products = np.arange(50)
    counts = np.ones((50, 1), int)
    first = bootstrap.resample(products, products, counts, resamples=4000, seed=7)
    assert (first == bootstrap.resample(products, products, counts, resamples=4000, seed=7)).all()
    # Each product's count is near Poisson(1): the standard error of its mean over 4,000 draws is 0.016.
    assert np.abs(first.mean(axis=2) - 1).max() < 0.08
    assert first.var(axis=2).mean() == pytest.approx(1 - 1 / 50, abs=0.02)


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=40))
def test_interval_is_numpys_quantile_of_the_defined(samples: list[float]) -> None:
    drawn = np.array(samples, dtype=float)
    low, high = bootstrap.interval(drawn)
    defined = drawn[~np.isnan(drawn)]
    if defined.size:
        assert [low, high] == pytest.approx(np.quantile(defined, [0.025, 0.975]).tolist())
    else:
        assert np.isnan(low)
        assert np.isnan(high)


def test_intervals_need_two_products() -> None:
    samples = {"f1": np.array([[0.1, 0.2], [0.3, 0.4]])}
    assert bootstrap.intervals_by_group(samples, [1, 2])[0] == {}
    assert set(bootstrap.intervals_by_group(samples, [1, 2])[1]) == {"f1"}


def test_a_mean_over_groups_leaves_the_undefined_out() -> None:
    nan = float("nan")
    mean = bootstrap.mean_over_groups(np.array([[0.2, nan, nan], [0.4, 0.8, nan]]))
    assert mean[:2].tolist() == pytest.approx([0.3, 0.8])
    assert np.isnan(mean[2])


def test_products_are_counted_once_a_group() -> None:
    spread = bootstrap.distinct_products(np.array([0, 0, 1, 2]), np.array([0, 0, 0, 1]), 3)
    assert spread == [2, 1, 0]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_the_point_lies_within_its_bootstrap_range(rows: list[tuple[int, bool]]) -> None:
    judged = [ask(f"p{p}", f"a{i}", "x", "x" if right else "y") for i, (p, right) in enumerate(rows)]
    made = report(judged, resamples=200)
    ends = made.micro.scores.intervals.get("f1")
    if len({p for p, _ in rows}) > 1:
        assert ends is not None
        assert 0 <= ends[0] <= ends[1] <= 1
    else:
        assert ends is None


def test_the_interval_has_the_width_theory_tells() -> None:
    judged = [ask(f"p{i}", "a", "x", "x" if i % 5 else "y") for i in range(1000)]
    ends = report(judged, resamples=2000).micro.scores.intervals["precision"]
    half = 1.96 * (0.8 * 0.2 / 1000) ** 0.5
    assert ends == pytest.approx((0.8 - half, 0.8 + half), abs=0.005)


def test_asks_of_one_product_are_not_taken_for_independent() -> None:
    """Ten equal asks a product: the interval must be that of 100 products, not of 1,000 asks."""
    judged = [ask(f"p{p}", f"a{a}", "x", "x" if p % 2 else "y") for p in range(100) for a in range(10)]
    low, high = report(judged, resamples=2000).micro.scores.intervals["precision"]
    assert high - low == pytest.approx(2 * 1.96 * 0.05, abs=0.02)


def test_a_thousand_resamples_of_five_thousand_products_are_quick() -> None:
    products = np.repeat(np.arange(5000), 8)
    groups = np.tile(np.arange(8), 5000)
    counts = np.eye(5, dtype=int)[np.random.default_rng(0).integers(0, 5, 40000)]
    began = time.process_time()
    bootstrap.resample(products, groups, counts, resamples=1000, seed=0)
    assert time.process_time() - began < 2  # 0.2 s on an idle core
