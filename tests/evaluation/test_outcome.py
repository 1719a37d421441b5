import pytest

from attrex.core import Span
from attrex.errors import ConfigError
from attrex.evaluation.outcome import Outcome, set_counts, span_outcome, value_outcome
from tests.evaluation.asks import SEVEN, ask


def test_the_five_ends_by_hand() -> None:
    assert [value_outcome(j, "exact").value for j in SEVEN] == ["VC", "NV", "VC", "VN", "VW", "NN", "VC"]


@pytest.mark.parametrize(
    ("gold", "predicted", "exact", "folded", "loose"),
    [
        ("Black", "BLACK", "VW", "VC", "VC"),
        ("Café", "cafe", "VW", "VC", "VC"),
        ("a–b", "a-b", "VW", "VC", "VC"),
        ("red", "dark red", "VW", "VW", "VW"),
        ("red", " ", "VN", "VN", "VN"),
        (" ", "red", "NV", "NV", "NV"),
        ("red|blue", "blue|red", "VC", "VC", "VC"),
        ("red", "blue|red", "VW", "VW", "VW"),
        ("Built-In", "BUILT IN", "VW", "VW", "VC"),
        ("50ml", "50 ml", "VW", "VW", "VC"),
        ("Capsules", "capsule", "VW", "VW", "VC"),
        ("1 5", "15", "VW", "VW", "VW"),
        ("1.5", "15", "VW", "VW", "VW"),
        ("12 x 5", "125", "VW", "VW", "VW"),
        ("C++", "C", "VW", "VW", "VC"),
        ("+", "-", "VW", "VW", "VW"),
        ("红色", "红 色", "VW", "VW", "VC"),
    ],
)
def test_matching(gold: str, predicted: str, exact: str, folded: str, loose: str) -> None:
    judged = ask("p", "a", gold, predicted)
    ends = [value_outcome(judged, matching) for matching in ("exact", "folded", "loose")]
    assert ends == [exact, folded, loose]


def test_another_matching_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        value_outcome(ask("p", "a", "red", "red"), "fuzzy")  # type: ignore[arg-type]  # what a user may do
    assert str(caught.value) == 'matching: expected one of exact, folded, loose, got "fuzzy"'


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
