import itertools
import json

import pytest

from attrex.errors import InputError
from attrex.evaluation import Judged, compare
from tests.evaluation.asks import ask


def run(rights: str, *, attribute: str = "a") -> list[Judged]:
    """One product a letter: "1" right, "0" wrong."""
    return [ask(f"p{i}", attribute, "x", "x" if r == "1" else "y") for i, r in enumerate(rights)]


def test_counts_and_difference_by_hand() -> None:
    made = compare(run("1110"), run("1011"), resamples=100)
    assert (made.both, made.only_a, made.only_b, made.neither) == (2, 1, 1, 0)
    assert (made.micro.a, made.micro.b, made.micro.difference) == (0.75, 0.75, 0.0)
    assert made.micro.p == 1.0
    assert made.macro == made.micro == made.per_attribute["a"]


def test_p_is_that_of_all_possible_swaps() -> None:
    """Six products on which only B is right: of the 2^6 swaps two are as extreme."""
    gaps = [sum(signs) for signs in itertools.product((-1, 1), repeat=6)]
    exact = sum(abs(g) >= 6 for g in gaps) / len(gaps)
    made = compare(run("000000" + "1" * 30), run("1" * 36), resamples=20_000)
    assert made.micro.p == pytest.approx(exact, abs=0.005)
    assert made.micro.interval is not None
    assert made.micro.interval[0] > 0


def test_order_does_not_matter_and_the_same_seed_repeats() -> None:
    a, b = run("110010111"), run("011110110")
    assert compare(a, b, seed=3) == compare(a, list(reversed(b)), seed=3)


def test_swapping_the_runs_turns_the_sign() -> None:
    a, b = run("1100101110"), run("0111111111")
    there, back = compare(a, b), compare(b, a)
    assert there.micro.difference == -back.micro.difference
    assert there.micro.interval is not None
    assert back.micro.interval is not None
    assert there.micro.interval == pytest.approx((-back.micro.interval[1], -back.micro.interval[0]))
    assert there.micro.p == back.micro.p


def test_macro_is_the_mean_of_attributes() -> None:
    a = [*run("1111"), *run("00", attribute="b")]
    b = [*run("1100"), *run("11", attribute="b")]
    made = compare(a, b, resamples=50)
    assert (made.macro.a, made.macro.b) == (0.5, 0.75)
    assert list(made.per_attribute) == ["a", "b"]


def test_one_product_leaves_nothing_to_test() -> None:
    made = compare(run("1"), run("0"))
    assert (made.micro.difference, made.micro.interval, made.micro.p) == (-1.0, None, None)
    json.dumps(made.to_json(), allow_nan=False)


def test_an_attribute_without_values_has_no_difference() -> None:
    a = [*run("11"), ask("p0", "none"), ask("p1", "none")]
    made = compare(a, a, resamples=20).per_attribute["none"]
    assert (made.a, made.b, made.interval, made.p) == (0.0, 0.0, None, None)


def test_runs_over_other_asks_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        compare(run("11"), run("1"), names=("lexicon", "adatag"))
    assert str(caught.value) == (
        'only lexicon was asked "a" of product "p1"; 1 asks stand in one run alone. '
        "Fix: evaluate both models on the same file and schema"
    )


def test_other_gold_is_refused() -> None:
    with pytest.raises(InputError, match='the gold values of "a" of product "p0" differ'):
        compare([ask("p0", "a", "x", "x")], [ask("p0", "a", "y", "x")])


def test_a_repeated_ask_is_refused() -> None:
    twice = [ask("p0", "a", "x", "x")] * 2
    with pytest.raises(InputError, match="asked the same attribute twice"):
        compare(twice, twice)
