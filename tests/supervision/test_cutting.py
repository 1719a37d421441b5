"""Texts with stretches taken out, and annotated spans that move along."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Product, Source, Span, Stated
from attrex.supervision.cutting import cut


@pytest.mark.parametrize(
    ("text", "start", "end", "left"),
    [
        ("a red hat", 2, 5, "a hat"),
        ("red hat", 0, 3, "hat"),
        ("hat, red", 5, 8, "hat, "),
        ("hat red", 4, 7, "hat "),
        ("(red) hat", 1, 4, "() hat"),
        ("hat red ", 3, 7, "hat"),
    ],
)
def test_space_that_meets_becomes_one(text: str, start: int, end: int, left: str) -> None:
    (source,) = cut(Product("p", None, (Source("title", text),)), [Span("title", start, end)]).sources
    assert source.text == left


def test_a_source_without_text_goes_and_others_stay() -> None:
    whole = Product("p", "c", (Source("title", "red"), Source("body", "red hat")))
    assert cut(whole, [Span("title", 0, 3)]) == Product("p", "c", (Source("body", "red hat"),))


def test_annotated_spans_move_along_or_are_dropped() -> None:
    stated = {"a": (Stated("x", (Span("t", 0, 1), Span("t", 4, 6), Span("t", 8, 9), Span("u", 4, 6))),)}
    whole = Product("p", None, (Source("t", "0123456789"), Source("u", "0123456789")), (), stated)
    left = cut(whole, [Span("t", 5, 7), Span("t", 2, 3), Span("t", 6, 7)])
    assert left.sources == (Source("t", "0134789"), Source("u", "0123456789"))
    assert left.stated["a"][0].spans == (Span("t", 0, 1), Span("t", 5, 6), Span("u", 4, 6))


def test_cuts_that_meet_over_their_space_are_one() -> None:
    stated = {"a": (Stated("b", (Span("t", 4, 5),)),)}
    left = cut(Product("p", None, (Source("t", "a  ab"),), (), stated), [Span("t", 0, 1), Span("t", 2, 3)])
    assert left.sources == (Source("t", "ab"),)
    assert left.stated["a"][0].spans == (Span("t", 1, 2),)


@given(st.data())
def test_what_is_outside_the_cuts_keeps_its_characters(data: st.DataObject) -> None:
    text = data.draw(st.text(st.sampled_from("ab c\n"), min_size=1, max_size=20))
    positions = st.integers(0, len(text) - 1)
    spans = [
        Span("t", *sorted((a, b + 1)) if a <= b else (b, a + 1))
        for a, b in data.draw(st.lists(st.tuples(positions, positions), max_size=3))
    ]
    annotated = [
        Span("t", min(a, b), max(a, b) + 1)
        for a, b in data.draw(st.lists(st.tuples(positions, positions), max_size=3))
    ]
    whole = Product("p", None, (Source("t", text),), (), {"a": tuple(Stated("v", (s,)) for s in annotated)})
    left = cut(whole, spans)
    for before, value in zip(annotated, left.stated["a"], strict=True):
        for after in value.spans:
            if text[before.start : before.end].strip():
                assert (left.text("t") or "")[after.start : after.end] == text[before.start : before.end]
