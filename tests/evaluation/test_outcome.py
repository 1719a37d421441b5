import pytest

from attrex.core import Span
from attrex.evaluation.outcome import Outcome, set_counts, span_outcome, value_outcome
from tests.evaluation.asks import SEVEN, ask


def test_the_five_ends_by_hand() -> None:
    assert [value_outcome(j, "exact").value for j in SEVEN] == ["VC", "NV", "VC", "VN", "VW", "NN", "VC"]


@pytest.mark.parametrize(
    ("gold", "predicted", "exact", "folded"),
    [
        ("Black", "BLACK", "VW", "VC"),
        ("Café", "cafe", "VW", "VC"),
        ("a–b", "a-b", "VW", "VC"),
        ("red", "dark red", "VW", "VW"),
        ("red", " ", "VN", "VN"),
        (" ", "red", "NV", "NV"),
        ("red|blue", "blue|red", "VC", "VC"),
        ("red", "blue|red", "VW", "VW"),
    ],
)
def test_matching(gold: str, predicted: str, exact: str, folded: str) -> None:
    judged = ask("p", "a", gold, predicted)
    assert (value_outcome(judged, "exact"), value_outcome(judged, "folded")) == (exact, folded)


def test_values_counted_as_a_set() -> None:
    assert set_counts(ask("p", "a", "red|blue|green", "blue|pink|Blue|blue"), "exact") == (1, 2, 2)
    assert set_counts(ask("p", "a", "red|blue|green", "blue|pink|Blue|blue"), "folded") == (1, 1, 2)
    assert set_counts(ask("p", "a"), "exact") == (0, 0, 0)


def test_spans_must_be_the_same_to_the_character() -> None:
    here, there = Span("title", 3, 6), Span("title", 3, 7)

    def end(gold: str, gold_spans: tuple[Span, ...], spans: tuple[Span, ...]) -> Outcome | None:
        return span_outcome(ask("p", "a", gold, "x", gold_spans=gold_spans, predicted_spans=spans))

    assert end("x", (there, here), (here,)) == "VC"
    assert end("x", (here,), (there, here)) == "VW"
    assert end("x", (here,), (Span("description", 3, 6),)) == "VW"
    assert end("x", (here,), ()) == "VN"
    assert end("", (), (here,)) == "NV"
    assert end("", (), ()) == "NN"
    assert end("x", (), (here,)) is None
