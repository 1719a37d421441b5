"""Which values are taken for which."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from attrex.evaluation import confusion
from attrex.evaluation.confusion import NONE, OTHER
from attrex.evaluation.counts import Counts
from attrex.evaluation.outcome import Outcome, value_outcome
from tests.evaluation.asks import ask

NECKS = [
    ask("1", "Neck", "Crew", "Crew"),
    ask("2", "Neck", "Crew", "crew"),
    ask("3", "Neck", "Crew", "Scoop"),
    ask("4", "Neck", "Scoop", "Crew"),
    ask("5", "Neck", "Scoop", "Cowl"),
    ask("6", "Neck", "", "Crew"),
    ask("7", "Neck", "Scoop", ""),
    ask("8", "Neck", "Crew|Scoop", "Scoop|Crew"),
    ask("9", "Colour", "red", "blue"),
]


def test_rows_are_stated_columns_are_given() -> None:
    made = confusion(NECKS, "Neck", matching="folded")
    assert made.values == ("Scoop", "Crew", "Cowl", NONE)
    assert made.counts == ((1, 1, 1, 1), (1, 2, 0, 0), (0, 0, 0, 0), (0, 1, 0, 0))
    assert made.right == (1, 2, 0, 0)
    assert made.asks == 8
    assert made.mistakes()[0] == ("Scoop", "Crew", 1)
    assert len(made.mistakes()) == 5


def test_exactly_another_case_is_another_value() -> None:
    made = confusion(NECKS, "Neck")
    assert "crew" in made.values
    assert made.counts[made.values.index("Crew")][made.values.index("crew")] == 1


def test_beyond_a_number_values_are_taken_together_and_right_ones_told() -> None:
    made = confusion(NECKS, "Neck", matching="folded", most=1)
    assert made.values == ("Scoop", OTHER, NONE)
    assert made.counts == ((1, 2, 1), (1, 2, 0), (0, 1, 0))
    assert made.right == (1, 2, 0)


def test_a_value_may_be_called_as_a_label_is() -> None:
    made = confusion([ask("1", "A", NONE, "x"), ask("2", "A", "", NONE)], "A")
    assert made.values == (NONE, "x", NONE)
    assert made.counts == ((0, 1, 0), (0, 0, 0), (1, 0, 0))


def test_of_nothing_asked_nothing_is_confused() -> None:
    made = confusion(NECKS, "Sleeve")
    assert (made.values, made.counts, made.asks, made.mistakes()) == ((), (), 0, [])


VALUES = st.sampled_from(["", "a", "b", "c", "d"])


@given(st.lists(st.tuples(VALUES, VALUES), max_size=30), st.integers(1, 5))
def test_it_counts_as_the_five_outcomes_do(pairs: list[tuple[str, str]], most: int) -> None:
    asks = [ask(str(i), "A", gold, predicted) for i, (gold, predicted) in enumerate(pairs)]
    made = confusion(asks, "A", most=most)
    counts = Counts.of(value_outcome(j, "exact") for j in asks)
    assert made.asks == len(asks)
    none = made.values.index(NONE) if NONE in made.values else None
    ends: Counter[Outcome] = Counter()
    for i, row in enumerate(made.counts):
        for j, n in enumerate(row):
            right = made.right[i] if i == j else 0
            ends[Outcome.NN if i == none else Outcome.VC] += right
            ends[Outcome.NV if i == none else Outcome.VN if j == none else Outcome.VW] += n - right
    assert Counts(*(ends[o] for o in Outcome)) == counts
