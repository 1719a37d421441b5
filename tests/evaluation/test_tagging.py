from __future__ import annotations

import pytest

from attrex.core import Span
from attrex.evaluation import Judged
from attrex.evaluation.tagging import class_counts, pair_accuracy, tag_counts, threshold_sweep


def judged(gold: tuple[str, ...], predicted: tuple[str, ...], attribute: str = "Color") -> Judged:
    return Judged("1", None, attribute, gold, predicted)


@pytest.mark.parametrize(
    ("predicted", "correct"),
    [
        (("blue", "blue"), True),  # A.3's prediction (1): said twice is said once
        (("blue",), True),
        (("blue", "spirits"), False),  # (2)
        ((), False),  # (3)
        (("blue spirits",), False),
    ],
)
def test_mae_s_accuracy_is_that_of_the_paper_s_example(predicted: tuple[str, ...], correct: bool) -> None:
    """ "blue jeans match blue spirits", annotated "Color: [blue]"."""
    assert pair_accuracy([judged(("blue",), predicted)]) == float(correct)


def test_attributes_beyond_the_annotation_do_not_count() -> None:
    both = [judged(("blue",), ("blue",)), judged((), ("jeans",), "Type")]  # (4)
    assert pair_accuracy(both) == 1
    assert pair_accuracy([judged((), ("jeans",), "Type")]) is None
    assert pair_accuracy([judged(("Blue",), ("blue",)), judged(("red",), ())]) == 0
    assert pair_accuracy([judged(("Blue",), ("blue",)), judged(("red",), ())], "folded") == 0.5


def test_tags_are_counted_by_their_places() -> None:
    def told(gold: list[int], predicted: list[int]) -> Judged:
        spans = [tuple(Span("title", at, at + 2) for at in each) for each in (gold, predicted)]
        return Judged("1", None, "Color", (), (), gold_spans=spans[0], predicted_spans=spans[1])

    counts = tag_counts([told([0, 4], [0, 9]), told([2], []), told([], [7]), told([], [])])
    assert (counts.tp, counts.fp, counts.fn) == (1, 2, 2)
    assert counts.scores().f1 == pytest.approx(2 * 1 / (2 + 2 + 2))


def test_classes_are_counted_over_all_products() -> None:
    counts = class_counts([{"a", "b"}, set(), {"c"}], [{"a"}, {"b"}, {"c", "a"}])
    assert (counts.tp, counts.fp, counts.fn) == (2, 2, 1)


def test_a_higher_threshold_tells_less() -> None:
    gold = [{"a"}, {"a", "b"}]
    applies = [{"a": 0.9, "b": 0.5}, {"a": 0.45, "b": 0.7}]
    swept = threshold_sweep(gold, applies, [0.4, 0.5, 0.8])
    assert [(t, c.tp, c.fp, c.fn) for t, c in swept] == [(0.4, 3, 1, 0), (0.5, 2, 0, 1), (0.8, 1, 0, 2)]
